"""Finding a copy of the Signature data set, or fetching the official archive; nothing heavy is imported to find one.

The archive is unpacked and checked in a scratch folder, which then becomes `data/signature` as a whole: a kill at any
moment, or a second run doing the same, leaves nothing half-done that later counts as a copy.
"""

from __future__ import annotations

import http.client
import os
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from tlbench.errors import DataError
from tlbench.system.download import Unreachable, check_reachable, stall_timeout

URL = "https://github.com/ultralytics/assets/releases/download/v0.0.0/signature.zip"
ARCHIVE = "signature.zip"
FOLDER = Path("data/signature")
COUNTS = {"train": 143, "val": 35}
"""Images of each split, and as many label files."""

_MEND = f"put the archive of {URL} at {FOLDER.parent / ARCHIVE}, or a copy at {FOLDER}, or name one as data.root"
_LARGEST = 1 << 30  # bytes unpacked; the official archive holds 11 MB


def ensure_signature(root: str | None) -> Path:
    """Find a copy, unpack the official archive, or download it, in this order.

    Args:
        root: `data.root`, a folder with `images` and `labels`; None for `./data/signature`.

    Raises:
        DataError: `root` is no such folder, or a copy is incomplete, or cannot be written; with `unreachable=True`
            there is no copy and the download failed.
    """
    if root is not None:
        return _own(root)
    if _complete(FOLDER):
        return FOLDER
    if FOLDER.exists() and not (FOLDER.is_dir() and not any(FOLDER.iterdir())):
        raise DataError(
            f"{FOLDER}: not a whole copy of Signature ({_lacks(FOLDER)}); remove it, and it is downloaded again"
        )
    archive = FOLDER.parent / ARCHIVE
    if archive.is_file():
        return _unpack(archive, str(archive))
    return _download()


def _own(root: str) -> Path:
    folder = Path(os.path.expanduser(root))  # noqa: PTH111 (Path.expanduser raises for an unknown user)
    if not folder.is_dir():
        raise DataError(
            f"data.root={root!r}: {'not a folder' if folder.exists() else 'no such folder'}; name a folder with "
            "images/{train,val} and labels/{train,val}, or null for ./data/signature"
        )
    if not (folder / "images").is_dir() and (folder / "signature" / "images").is_dir():
        folder = folder / "signature"
    missing = [name for name in _folders() if not (folder / name).is_dir()]
    if missing:
        raise DataError(
            f"data.root={root!r}: no {missing[0]} in it; name a folder with images/{{train,val}} and "
            "labels/{train,val}, or read data of another layout with data=yolo"
        )
    return folder


def _folders() -> list[str]:
    return [f"{kind}/{split}" for kind in ("images", "labels") for split in COUNTS]


def _complete(folder: Path) -> bool:
    return all((folder / name).is_dir() for name in _folders())


def _lacks(folder: Path) -> str:
    return "no " + ", ".join(name for name in _folders() if not (folder / name).is_dir())


def _download() -> Path:
    try:
        check_reachable(URL)
    except Unreachable as error:
        raise _unreachable(str(error)) from error
    from torch.hub import download_url_to_file  # heavy, and needed only here

    try:
        FOLDER.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".signature-", dir=FOLDER.parent) as scratch:
            archive = Path(scratch) / ARCHIVE
            with stall_timeout():
                download_url_to_file(URL, str(archive))
            if not zipfile.is_zipfile(archive):
                raise http.client.HTTPException("what came is no whole zip archive")
            return _unpack(archive, URL)
    except (OSError, http.client.HTTPException, RuntimeError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise DataError(
                f"{error.filename}: cannot be written ({error.strerror or error}), so Signature cannot be downloaded; "
                "free space, or name a copy as data.root"
            ) from error
        raise _unreachable(f"download failed: {' '.join(str(error).split())}") from error


def _unpack(archive: Path, shown: str) -> Path:
    """Unpack into a scratch folder beside the final one, check, rename; errors call the archive `shown`."""
    try:
        with tempfile.TemporaryDirectory(prefix=".signature-", dir=FOLDER.parent) as scratch:
            with zipfile.ZipFile(archive) as opened:
                _check_members(shown, opened)
                opened.extractall(Path(scratch) / FOLDER.name)
            folder = _inside(Path(scratch) / FOLDER.name)
            _check_counts(shown, folder)
            _publish(folder)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{shown}: not a whole zip archive ({error}); {_MEND}") from error
    except OSError as error:
        raise DataError(
            f"{shown}: cannot be unpacked into {FOLDER.parent} ({error.strerror or error}); free space, or name a copy "
            "as data.root"
        ) from error
    return FOLDER


def _publish(folder: Path) -> None:
    try:
        folder.rename(FOLDER)
    except OSError:
        if not _complete(FOLDER):  # else another run was faster
            raise


def _check_members(shown: str, opened: zipfile.ZipFile) -> None:
    """Refuse paths that lead out of the folder, and sizes beyond reason."""
    for member in opened.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.as_posix():
            raise DataError(f"{shown}: holds {member.filename!r}, which leads out of its folder; it is not unpacked")
    if sum(member.file_size for member in opened.infolist()) > _LARGEST:
        raise DataError(f"{shown}: more than {_LARGEST >> 20} MB unpacked, so not the Signature data set; {_MEND}")


def _inside(scratch: Path) -> Path:
    """The folder with `images`: the archive's top or a folder in it."""
    for folder in (scratch, *sorted(path for path in scratch.iterdir() if path.is_dir())):
        if _complete(folder):
            return folder
    return scratch


def _check_counts(shown: str, folder: Path) -> None:
    for name in _folders():
        suffixes = (".txt",) if name.startswith("labels") else (".jpg", ".jpeg", ".png")
        files = list((folder / name).iterdir()) if (folder / name).is_dir() else []
        found = sum(file.suffix.lower() in suffixes for file in files)
        wanted = COUNTS[name.rpartition("/")[2]]
        if found != wanted:
            raise DataError(f"{shown}: {found} files in {name}, the Signature data set has {wanted}; {_MEND}")


def _unreachable(reason: str) -> DataError:
    return DataError(
        f"data=signature: no copy in {FOLDER} or {FOLDER.parent / ARCHIVE}, and {URL} cannot be reached ({reason}); "
        f"unpack a copy to {FOLDER}/images/{{train,val}} and {FOLDER}/labels/{{train,val}}, or put {ARCHIVE} at "
        f"{FOLDER.parent / ARCHIVE}, or name the folder that holds images and labels as data.root",
        unreachable=True,
    )
