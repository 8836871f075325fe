"""Finding a copy of CIFAR-10, or fetching the official one; torch is imported only to fetch.

Whatever is fetched or unpacked is complete in a scratch folder first and then moved into place file by file, so a
kill at any moment, or a second run doing the same, leaves nothing half-done that later counts as a copy.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import shutil
import tarfile
import tempfile
import urllib.error
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tlbench.errors import DataError
from tlbench.system.download import Unreachable, check_reachable, stall_timeout
from tlbench.system.regular_file import open_regular

# As in torchvision.datasets.CIFAR10, repeated here because importing torchvision takes seconds.
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ARCHIVE = "cifar-10-python.tar.gz"
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
BATCHES = "cifar-10-batches-py"
_LARGEST = 1 << 30  # bytes unpacked; the official archive holds 186 MB
BATCH_FILES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")


@dataclass(frozen=True)
class Copy:
    """Where the images are.

    Args:
        kind: `folder`: `path/{train,test}/<class>/*`; `batches`: `path/cifar-10-batches-py`, the official pickles.
        path: That folder.
    """

    kind: Literal["folder", "batches"]
    path: Path


def ensure_copy(root: str | None) -> Copy:
    """Find a copy, unpack the official archive, or download it, in this order.

    Args:
        root: `data.root`; None for `./data`.

    Raises:
        DataError: `root` is not a folder, or a copy is incomplete, or cannot be written; with `unreachable=True` there
            is no copy and the download failed.
    """
    folder = _folder(root)
    if copy := _find(folder):
        return copy
    if _md5(folder / ARCHIVE) == ARCHIVE_MD5:
        return _unpack(folder)
    return _download(folder)


def _folder(root: str | None) -> Path:
    if root is None:
        return Path("data")
    folder = Path(os.path.expanduser(root))  # noqa: PTH111 (Path.expanduser raises for an unknown user)
    if not folder.is_dir():
        raise DataError(
            f"data.root={root!r}: {'not a folder' if folder.exists() else 'no such folder'}; "
            "name an existing folder that holds cifar10/{train,test}, or null for ./data"
        )
    return folder


def _find(folder: Path) -> Copy | None:
    for path in (folder / "cifar10", folder):
        present = [split for split in ("train", "test") if (path / split).is_dir()]
        if len(present) == 2:
            return Copy("folder", path)
        if present and path.name == "cifar10":
            raise DataError(f"{path}: only {present[0]} in it; wanted are train/<class>/* and test/<class>/*")
    complete = all((folder / BATCHES / name).is_file() for name in BATCH_FILES)
    return Copy("batches", folder) if complete else None


def _unpack(folder: Path) -> Copy:
    archive = folder / ARCHIVE
    try:
        with tempfile.TemporaryDirectory(prefix=".cifar10-", dir=folder) as scratch:
            (Path(scratch) / BATCHES).mkdir()
            with tarfile.open(archive) as opened:
                _take_batches(archive, opened, Path(scratch))
            return _publish(Path(scratch), folder)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(f"{archive}: not a whole archive ({error}); remove it, and it is downloaded again") from error
    except OSError as error:
        raise DataError(f"{archive}: cannot be unpacked into {folder} ({error.strerror or error})") from error


def _take_batches(archive: Path, opened: tarfile.TarFile, scratch: Path) -> None:
    """Unpack the files that are wanted and nothing else, wherever the others would lead."""
    wanted, unpacked = {f"{BATCHES}/{name}" for name in BATCH_FILES}, 0
    for member in opened:
        unpacked += member.size
        if unpacked > _LARGEST:
            raise DataError(f"{archive}: more than {_LARGEST >> 20} MB unpacked, so not CIFAR-10; remove it")
        content = opened.extractfile(member) if member.name in wanted and member.isreg() else None
        if content is not None:
            with (scratch / member.name).open("wb") as file:
                shutil.copyfileobj(content, file)
            wanted.remove(member.name)
    if wanted:
        raise DataError(f"{archive}: no {min(wanted)} in it, so not CIFAR-10; remove it, and it is downloaded again")


def _download(folder: Path) -> Copy:
    try:
        check_reachable(URL)
    except Unreachable as error:
        raise _unreachable(folder, str(error)) from error
    from torchvision.datasets import CIFAR10

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cifar10-", dir=folder) as scratch:
            with stall_timeout():
                CIFAR10(scratch, download=True)
            return _publish(Path(scratch), folder)
    except (OSError, http.client.HTTPException, RuntimeError) as error:  # RuntimeError: the hash differs
        if isinstance(error, OSError) and _of_disk(error):
            raise DataError(
                f"{folder}: cannot be written ({error.strerror or error}), so CIFAR-10 cannot be downloaded; "
                "free space, or name another folder as data.root"
            ) from error
        raise _unreachable(folder, f"download failed: {' '.join(str(error).split())}") from error


def _publish(scratch: Path, folder: Path) -> Copy:
    (folder / BATCHES).mkdir(exist_ok=True)
    for name in BATCH_FILES:
        (scratch / BATCHES / name).replace(folder / BATCHES / name)
    return Copy("batches", folder)


def _of_disk(error: OSError) -> bool:
    if isinstance(error, urllib.error.URLError):
        return False
    return error.filename is not None or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def _unreachable(folder: Path, reason: str) -> DataError:
    damaged = [f"{folder / name} is incomplete" for name in (ARCHIVE, BATCHES) if (folder / name).exists()]
    return DataError(
        f"data=cifar10: no copy in {folder}/cifar10/{{train,test}}, {folder}/{{train,test}}, {folder / BATCHES} or "
        f"{folder / ARCHIVE}{''.join(f' ({d})' for d in damaged)}, and {URL} cannot be reached ({reason}); unpack a "
        f"folder-per-class copy to {folder}/cifar10/train/<class>/ and {folder}/cifar10/test/<class>/, or put "
        f"{ARCHIVE} at {folder / ARCHIVE}, or name the folder that has either as data.root",
        unreachable=True,
    )


def _md5(path: Path) -> str | None:
    if not path.is_file():
        return None
    digest = hashlib.md5(usedforsecurity=False)
    with open_regular(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
