"""Files that are either whole or absent, and output disks that refuse."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tlbench.errors import OutputError

_DISK_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would exceed the allowed file size",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "no permission to write there",
    errno.EPERM: "no permission to write there",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "a file of that name is in the way",
    errno.ENOENT: "the folder does not exist and cannot be made",
}


TEMPORARY = ".tmp"
"""How the names of files end that are being written, and of those that a killed process left."""

_LEFTOVER = re.compile(r"\..+\.[a-z0-9_]{8}" + re.escape(TEMPORARY))

_guards: dict[Path, Callable[[], None]] = {}


_ANOTHER_RUN_FOLDER = "choose another folder with hydra.run.dir=… (a study: hydra.sweep.dir=…)"


@contextmanager
def output_errors(folder: Path, otherwise: str = _ANOTHER_RUN_FOLDER) -> Iterator[None]:
    """Turn an operating-system error while writing below `folder` into an `OutputError` of one line.

    Args:
        folder: Where it writes.
        otherwise: What the user can do but mend the disk.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        raise OutputError(describe_output_error(folder, error, otherwise)) from error


def describe_output_error(folder: Path, error: OSError, otherwise: str = _ANOTHER_RUN_FOLDER) -> str:
    """One line: which folder, why not, how to mend it."""
    if error.filename is not None and not Path(error.filename).absolute().is_relative_to(folder.absolute()):
        return f"{error.filename}: {error.strerror}; mend the path or its permissions"
    why = _DISK_ERRORS.get(error.errno or 0, error.strerror or str(error))
    return f"cannot write to {folder}: {why}; free space or permit writing there, or {otherwise}"


def write_atomic(path: Path, content: bytes | memoryview, keep_as: Path | None = None) -> None:
    """Write a file under a temporary name in the same folder, flush it to disk, then rename it.

    Args:
        path: The file.
        content: Its bytes.
        keep_as: What an earlier file of that name is renamed to, once the new one is whole; None: it is replaced.

    Raises:
        OutputError: If the disk refuses; an earlier file of that name is then still whole.
    """
    with output_errors(path.parent), atomic_file(path, keep_as) as file:
        file.write(content)


@contextmanager
def guarded(folder: Path, check: Callable[[], None]) -> Iterator[None]:
    """Inside, `check` is called before anything written atomically below the folder takes its place; it may raise."""
    folder = folder.absolute()
    _guards[folder] = check
    try:
        yield
    finally:
        del _guards[folder]


@contextmanager
def atomic_file(path: Path, keep_as: Path | None = None) -> Iterator[IO[bytes]]:
    """A file to be written inside, under a temporary name in the same folder until then; an error leaves none.

    Args:
        path: The file.
        keep_as: As in `write_atomic`.

    Raises:
        OSError: If the disk refuses; see `output_errors`.
        FolderInUse: This process has lost its lock of the folder (see `results.lock`).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        _check_guards(path)
        if keep_as is not None and path.exists():
            path.replace(keep_as)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files that a killed process left of this file; its name may be a pattern."""
    with output_errors(path.parent):
        for leftover in path.parent.glob(f".{path.name}.*"):
            if not leftover.name.endswith(".lock"):  # of `FileLock`: another process may hold it
                leftover.unlink(missing_ok=True)


def leftovers(folder: Path) -> list[Path]:
    """The files in a folder that killed processes had not written to their end, or that others write just now."""
    return [path for path in folder.glob(f".*{TEMPORARY}") if _LEFTOVER.fullmatch(path.name)]


def _check_guards(path: Path) -> None:
    for folder, check in list(_guards.items()):
        if path.absolute().is_relative_to(folder):
            check()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
