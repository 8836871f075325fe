"""Where a copy of the Signature data set is, and how the official one is fetched."""

from __future__ import annotations

from pathlib import Path

from tlbench.data.archives import ArchiveError
from tlbench.data.published import PublishedData, ensure_copy
from tlbench.errors import DataError

URL = "https://github.com/ultralytics/assets/releases/download/v0.0.0/signature.zip"
COUNTS = {"train": 143, "val": 35}
"""Images of each split, and as many label files."""

_LAYOUT = "a folder with images/{train,val} and labels/{train,val}"


def ensure_signature(root: str | None) -> Path:
    """The folder with `images` and `labels`: `data.root`, or else `./data/signature`, fetched where it is not there;
    raises as `ensure_copy`.
    """
    return ensure_copy(SIGNATURE, root)


def _folders() -> list[str]:
    return [f"{kind}/{split}" for kind in ("images", "labels") for split in COUNTS]


def _missing(folder: Path) -> list[str]:
    return [name for name in _folders() if not (folder / name).is_dir()]


def _find(data: Path) -> Path | None:
    folder = data / "signature"
    missing = _missing(folder)
    if not missing:
        return folder
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(
            f"{folder}: not a whole copy of Signature (no {', '.join(missing)}); remove it, and it is downloaded again"
        )
    return None


def _own(root: str, folder: Path) -> Path:
    if not (folder / "images").is_dir() and (folder / "signature" / "images").is_dir():
        folder = folder / "signature"
    if missing := _missing(folder):
        raise DataError(
            f"data.root={root!r}: no {missing[0]} in it; name {_LAYOUT}, or read data of another layout with data=yolo"
        )
    return folder


def _content(unpacked: Path) -> Path:
    """The folder with all images: the archive's top or a folder in it."""
    inner = sorted(path for path in unpacked.iterdir() if path.is_dir())
    found = next((folder for folder in (unpacked, *inner) if not _missing(folder)), unpacked)
    for name in _folders():
        suffixes = (".txt",) if name.startswith("labels") else (".jpg", ".jpeg", ".png")
        files = list((found / name).iterdir()) if (found / name).is_dir() else []
        count = sum(file.suffix.lower() in suffixes for file in files)
        wanted = COUNTS[name.rpartition("/")[2]]
        if count != wanted:
            raise ArchiveError(f"{count} files in {name}, {SIGNATURE.of} has {wanted}")
    return found


SIGNATURE = PublishedData(
    name="signature",
    title="Signature",
    of="the Signature data set",
    url=URL,
    archive="signature.zip",
    folder="signature",
    content=_content,  # which counts, as the archive's hash is not known
    find=_find,
    own=_own,
    roots=f"{_LAYOUT}, or null for ./data/signature",
    mend=f"put the archive of {URL} at data/signature.zip, or a copy at data/signature, or name one as data.root",
    otherwise="free space, or name a copy as data.root",
    places="{copy} or {archive}",
    advice="unpack a copy to {copy}/images/{{train,val}} and {copy}/labels/{{train,val}}, or put signature.zip at "
    "{archive}, or name the folder that holds images and labels as data.root",
)
