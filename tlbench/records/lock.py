"""The lock of a folder: a file in it that says which process works there.

It is taken whole or not at all (written under another name, then linked to this one), and deleted at the end. A process
of this machine holds it exactly as long as it lives. Whether one of another machine or container lives cannot be seen;
it renews its lock every `RENEWED_EVERY_S`, and counts until the lock is older than `COUNTS_FOR_S` by the clock of the
disk. Who was taken for dead though it lives, a suspended machine, say, finds that the lock is not its own any more
before it next writes, and writes nothing: `atomic_file` asks.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from tlbench.errors import FolderInUse
from tlbench.records.lock_file import LOCK_FILE, LockFile, own_lock, read_lock, read_own_lock, who_holds
from tlbench.records.stale_lock import ASIDE, take_away
from tlbench.system.atomic import TEMPORARY, guarded, output_errors

RENEWED_EVERY_S = 15.0
"""Seconds after which whoever holds a lock touches it."""

COUNTS_FOR_S = 120.0
"""Seconds for which a lock counts since it was last touched, where it cannot be seen whether its process lives."""

_NO_LINKS = (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
_TRIES = 50
_POLL_S = 0.2


class FolderLock:
    """A lock that this process has taken; see `locked`."""

    def __init__(self, folder: Path, token: str, handle: int) -> None:
        self.folder = folder
        self._path = folder / LOCK_FILE
        self._token, self._handle = token, handle
        self._pid = os.getpid()
        self._ended = threading.Event()
        threading.Thread(target=self._renew, daemon=True, name="lock").start()

    def check(self) -> None:
        """See whether this process still holds it.

        Raises:
            FolderInUse: Another has taken it, or it is gone.
        """
        for last in (False, False, True):
            found = read_own_lock(self._path)
            if found is not None:
                if found.owner is not None and found.owner.token == self._token:
                    return
                raise FolderInUse(
                    f"{self.folder}: another process took this one for dead and its place ({who_holds(found)}); "
                    "nothing more is written here"
                )
            if not last:  # whoever took a newer lock for the stale one that it had judged puts it back at once
                time.sleep(_POLL_S)
        raise FolderInUse(
            f"{self._path}: gone while this process was at work; the folder was emptied, or another process took this "
            "one for dead; nothing more is written there"
        )

    def release(self) -> None:
        """Let others take it; nothing happens if it is not this process's any more, or already released."""
        if self._ended.is_set() or os.getpid() != self._pid:
            return
        self._ended.set()
        with contextlib.suppress(OSError):  # the lock of a process that has ended counts for nothing
            found = read_lock(self._path)
            if found is not None and found.owner is not None and found.owner.token == self._token:
                self._path.unlink()
        with contextlib.suppress(OSError):
            os.close(self._handle)

    def _renew(self) -> None:
        """Touch the file that was written, whatever its name is now: never the lock of another."""
        while not self._ended.wait(RENEWED_EVERY_S):
            with contextlib.suppress(OSError):
                os.utime(self._handle if os.utime in os.supports_fd else self._path)


@contextlib.contextmanager
def locked(folder: Path, patience_s: float = 0.0) -> Iterator[FolderLock]:
    """Inside, no other process works in the folder; it is made if it is not there.

    Nothing is written atomically below it once the lock is lost.

    Args:
        folder: The folder.
        patience_s: How long to wait for another process.

    Raises:
        FolderInUse: Another process works there.
        OutputError: The folder cannot be written, or what lies in the lock's place is no lock.
    """
    until = time.monotonic() + patience_s
    while True:
        try:
            lock = _take(folder)
            break
        except FolderInUse:
            if time.monotonic() >= until:
                raise
        time.sleep(_POLL_S)
    try:
        with guarded(folder, lock.check), _released_by_sigterm(lock):
            yield lock
    finally:
        lock.release()


def holder(folder: Path) -> str | None:
    """Which other process works in a folder, in words; None where there is none."""
    path = folder / LOCK_FILE
    try:
        found = read_lock(path)
        return None if found is None or not _counts(found, folder) else who_holds(found)
    except OSError:  # no lock: whoever would take it will say what is wrong
        return None


def remove_left_locks(folder: Path) -> None:
    """Remove what killed processes left of their attempts to take the folder's lock; to be called by its holder."""
    for path in folder.glob(f"{LOCK_FILE}.*"):
        with contextlib.suppress(OSError):
            found = read_lock(path)
            if found is None or (path.suffix == ASIDE and _counts(found, folder)):
                continue
            path.unlink()


def _take(folder: Path) -> FolderLock:
    path = folder / LOCK_FILE
    found: LockFile | None = None
    with output_errors(folder):
        for _ in range(_TRIES):
            folder.mkdir(parents=True, exist_ok=True)
            owner = own_lock()
            content = owner.model_dump_json(indent=1).encode() + b"\n"
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=f"{path.name}.", suffix=TEMPORARY)
            try:
                _write(handle, content)
                kept = _put(handle, Path(temporary), path, content)
                if kept is not None:
                    handle = -1
                    return FolderLock(folder, owner.token, kept)
                found = read_own_lock(path)
                if found is None:
                    continue  # released just now
                if _counts(found, folder, os.fstat(handle).st_mtime):
                    raise FolderInUse(f"{folder}: {_advice(found, path)}")
                take_away(path, found, owner.token)
            except FileNotFoundError:  # another process, now the holder, has tidied the temporary file away
                continue
            finally:
                if handle >= 0:
                    os.close(handle)
                Path(temporary).unlink(missing_ok=True)
    raise FolderInUse(f"{path}: taken and released by other processes all the time; try again")


def _write(handle: int, content: bytes) -> None:
    if hasattr(os, "fchmod"):
        os.fchmod(handle, 0o644)  # whoever shares the folder is to read who works there
    while content:
        content = content[os.write(handle, content) :]
    os.fsync(handle)


def _put(handle: int, temporary: Path, path: Path, content: bytes) -> int | None:
    """Give the lock its name, if nothing has it; an open handle of what then lies there."""
    try:
        os.link(temporary, path)
        return handle
    except FileExistsError:
        # a network file system may have done it and say so of its own repetition
        found = read_own_lock(path)
        return handle if found is not None and found.content == content else None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    try:
        kept = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)  # never through a link
    except FileExistsError:
        return None
    try:
        _write(kept, content)
    except BaseException:
        os.close(kept)
        path.unlink(missing_ok=True)
        raise
    os.close(handle)
    return kept


def _counts(found: LockFile, folder: Path, now: float | None = None) -> bool:
    """Whether a lock holds others off. `now` is by the clock of the disk that the folder is on; None: look there."""
    lives = found.owner.lives() if found.owner else None
    if lives is not None:
        return lives
    return abs((_clock(folder) if now is None else now) - found.touched) <= COUNTS_FOR_S


def _clock(folder: Path) -> float:
    """What the disk says that the time is; this machine, where nothing can be written there."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f"{LOCK_FILE}.", suffix=TEMPORARY) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()


def _advice(found: LockFile, path: Path) -> str:
    """Who works there, and what to do."""
    owner = found.owner
    limit = f"counts until it is {COUNTS_FOR_S:.0f} s old"
    if owner is None:
        return f"another process may be at work there, {path} is damaged and {limit}; try again then"
    text = f"another process is at work there ({who_holds(found)}); wait until it has ended, stop it"
    text += f" (kill {owner.pid})" if owner.is_here() else ""
    text += ", or choose another folder with hydra.run.dir=…"
    if owner.lives() is None:
        text += f"; whether it lives cannot be seen from here, so its lock, which it renews while it lives, {limit}"
    return text


@contextlib.contextmanager
def _released_by_sigterm(lock: FolderLock) -> Iterator[None]:
    """Release the lock also where SIGTERM ends the process without further ado, as while modules are imported."""
    untouched = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not untouched or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: FrameType | None) -> None:
        lock.release()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
