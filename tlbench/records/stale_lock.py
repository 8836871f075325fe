"""Taking away the lock of a dead process, which several processes may try at once."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from tlbench.records.lock_file import LOCK_FILE, LockFile, read_lock

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

ASIDE = ".aside"
"""How the name of a lock ends that is being taken away."""

_BRIEFLY_S = 0.01
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


def take_away(path: Path, stale: LockFile, token: str) -> None:
    """Remove the lock of a dead process, and no other: one that was renewed in the meantime is put back.

    Of several processes that judged it dead, one removes it, and only while it is still there: a newer lock that was
    moved aside would let a third process in before it is put back. Where the disk has no locks (`_alone_with`), that is
    still possible, for a moment; whoever loses its lock so writes nothing more.

    Args:
        path: The lock.
        stale: As it was when it was judged.
        token: Of the calling process's own lock, which nothing else is named after.
    """
    with _alone_with(path) as alone:
        if not alone:
            time.sleep(_BRIEFLY_S)
        elif read_lock(path) == stale:
            _move_away(path, stale, token)


@contextlib.contextmanager
def _alone_with(path: Path) -> Iterator[bool]:
    """Whether the file is there and no other process is alone with it meanwhile.

    Where the system or the disk has no such locks, this process is taken to be alone.
    """
    if fcntl is None:
        yield True
        return
    try:
        handle = _opened(path)
    except FileNotFoundError:  # another process was quicker
        yield False
        return
    try:
        yield _taken(handle) and _is_at(handle, path)
    finally:
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


def _taken(handle: int) -> bool:
    assert fcntl is not None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


def _opened(path: Path) -> int:
    """A handle; for writing where that is allowed, as locks over NFS need it."""
    try:
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)


def _move_away(path: Path, stale: LockFile, token: str) -> None:
    aside = path.with_name(f"{LOCK_FILE}.{token}{ASIDE}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    moved = read_lock(aside)
    if moved is None or moved != stale:
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        except OSError:
            if not path.exists():
                aside.rename(path)
    aside.unlink(missing_ok=True)
