"""Files and folders that are either whole or absent, and output disks that refuse."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tlbench.errors import OutputError

_FILE_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would exceed the allowed file size",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EISDIR: "a folder of that name is in the way",
    errno.EEXIST: "a file of that name is in the way",
    errno.ENOTEMPTY: "a folder of that name is in the way, which is not empty",
    errno.ENOENT: "no such file or folder",
    errno.ELOOP: "a link leads back to itself",
    errno.ENAMETOOLONG: "the name is longer than the disk allows",
    errno.EILSEQ: "the disk does not allow such a name",
    errno.EINVAL: "the disk does not allow that name, or what was to be done",
    errno.EMFILE: "too many files are open at a time; allow more with ulimit -n",
    errno.ENFILE: "too many files are open at a time on this machine",
    errno.EIO: "the disk fails to read or write (input/output error)",
    errno.ESTALE: "the network disk has lost the file (stale file handle)",
    errno.ENODEV: "the device is not there",
    errno.ENXIO: "the device is not there",
    errno.EBUSY: "it is in use by something else",
    errno.ETXTBSY: "it is in use by something else",
    errno.ENOLCK: "the disk cannot lock files",
    errno.ENOTSUP: "the disk cannot do that",
    errno.EXDEV: "it lies on another disk",
}
"""What the system refuses a file or folder for."""

_NOT_WRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}

ABANDONED_S = 3600.0
"""Seconds after which a file that nobody writes to any more counts as left by a killed process."""

TEMPORARY = ".tmp"
"""How the names of files end that are being written, and of those that a killed process left."""

_LEFTOVER = re.compile(r"\..+\.[a-z0-9_]{8}" + re.escape(TEMPORARY))

_guards: dict[Path, Callable[[], None]] = {}

ANOTHER_RUN_FOLDER = "choose another folder with hydra.run.dir=… (a study: hydra.sweep.dir=…)"
ANOTHER_FILE = "name another"


@contextmanager
def output_errors(folder: Path, otherwise: str = ANOTHER_RUN_FOLDER) -> Iterator[None]:
    """Turn an operating-system error while writing below `folder` into an `OutputError` of one line.

    Args:
        folder: Where it writes.
        otherwise: What the user can do but mend the disk.
    """
    try:
        yield
    except OSError as error:
        if not is_of_files(error):
            raise
        unwritable = error.errno in _NOT_WRITABLE
        raise OutputError(describe_output_error(folder, error, otherwise), unwritable=unwritable) from error


def is_of_files(error: OSError) -> bool:
    """Whether a file, a folder or the disk is at fault, rather than a network, a pipe or another process."""
    return error.errno in _FILE_ERRORS or (error.filename is not None and not isinstance(error, ConnectionError))


def describe_output_error(folder: Path, error: OSError, otherwise: str = ANOTHER_RUN_FOLDER) -> str:
    """One line: which folder, why not, how to mend it."""
    named = error.filename if error.filename2 is None else error.filename2  # of a renaming, the new name
    place = None if named is None else _path(named)
    if place is not None and not place.absolute().is_relative_to(folder.absolute()):
        return f"{place}: {_why(error)}; mend the path or its permissions"
    if error.errno == errno.ENOENT:
        return _not_there(folder, place, otherwise)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{folder}: {_why(error)}"
    named_by_us = place is None or place.absolute() == folder.absolute() or place.name.startswith(".")
    at = "" if named_by_us else f" at {place}"
    return f"cannot write to {folder}: {_why(error)}{at}; free space or permit writing there, or {otherwise}"


def describe_file_error(error: OSError, otherwise: str = ANOTHER_FILE) -> str:
    """One line: which file or folder, why it cannot be read or written, how to mend it."""
    if error.filename is None:
        return f"{_why(error)}; mend that and run again"
    return f"{_path(error.filename)}: {_why(error)}; mend that, or {otherwise}"


def _not_there(folder: Path, place: Path | None, otherwise: str) -> str:
    if folder.is_dir() and place is not None:
        return f"{place}: not there any more; it was removed while it was needed: run the command again"
    if folder.parent.is_dir() and place is not None and place.absolute() != folder.absolute():
        return f"{folder}: the folder was removed while it was needed; run the command again"
    why = "the folder does not exist and cannot be made"
    return f"cannot write to {folder}: {why}; free space or permit writing there, or {otherwise}"


def _why(error: OSError) -> str:
    return _FILE_ERRORS.get(error.errno or 0, error.strerror or str(error))


def _path(filename: str | bytes | int) -> Path:
    return Path(os.fsdecode(filename)) if isinstance(filename, str | bytes) else Path(f"/dev/fd/{filename}")


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
def atomic_file(
    path: Path,
    keep_as: Path | None = None,
    *,
    private: bool = False,
    unless_there: bool = False,
    durable: bool = True,
) -> Iterator[IO[bytes]]:
    """A file to be written inside, under a temporary name in the same folder until then; an error leaves none.

    Args:
        path: The file.
        keep_as: As in `write_atomic`.
        private: Only its owner may read and write it, from its first byte on.
        unless_there: What has that name at the end stays, and what was written inside is dropped.
        durable: It is to outlast a power cut; False: it is whole for all that read it, and costs no wait for the disk.

    Raises:
        OSError: If the disk refuses; see `output_errors`.
        FolderInUse: This process has lost its lock of the folder (see `results.lock`).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        if not private:
            Path(temporary).chmod(0o666 & ~_umask())
        _check_guards(path)
        if keep_as is not None and path.exists():
            path.replace(keep_as)
        if unless_there:
            _name_unless_there(Path(temporary), path)
        else:
            Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A folder to be filled inside, under a temporary name; what has not found its place by the end is removed.

    Args:
        parent: Where it is made: the folder of the place that it is meant for, so that `publish_folder` can rename it.
        prefix: How its name begins; with a dot, so that it counts as nothing where a kill leaves it.

    Raises:
        OSError: If the disk refuses.
    """
    scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def publish_folder(filled: Path, place: Path, is_whole: Callable[[], bool], *, replace: bool) -> None:
    """Give a filled folder its place, all at once; where another process was faster, theirs counts.

    Args:
        filled: A folder in, or of, a `scratch_folder`.
        place: Its name from now on.
        is_whole: Whether what lies in the place counts.
        replace: Whether something else in the place is removed; it is in the way otherwise.

    Raises:
        OSError: If the disk refuses.
    """
    if is_whole():
        return
    if replace:
        shutil.rmtree(place, ignore_errors=True)
    try:
        filled.rename(place)
    except OSError:
        if not is_whole():
            raise


def remove_leftovers(path: Path, untouched_for_s: float = 0.0) -> None:
    """Remove the temporary files that a killed process left of this file.

    Args:
        path: The file; its name may be a pattern.
        untouched_for_s: How long nobody has written to them, where another process may be writing the same file.
    """
    before = time.time() - untouched_for_s
    with output_errors(path.parent):
        for leftover in path.parent.glob(f".{path.name}.*"):
            if leftover.name.endswith(".lock"):  # of `FileLock`: another process may hold it
                continue
            with contextlib.suppress(FileNotFoundError):  # its writer has just renamed it
                if leftover.lstat().st_mtime <= before:
                    leftover.unlink()


def leftovers(folder: Path) -> list[Path]:
    """The files in a folder that killed processes had not written to their end, or that others write just now."""
    return [path for path in folder.glob(f".*{TEMPORARY}") if _LEFTOVER.fullmatch(path.name)]


def _check_guards(path: Path) -> None:
    for folder, check in list(_guards.items()):
        if path.absolute().is_relative_to(folder):
            check()


def _name_unless_there(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        if not os.path.lexists(path):
            temporary.rename(path)
            return
    temporary.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
