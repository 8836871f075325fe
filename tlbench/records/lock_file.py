"""The file of a folder's lock, which says what process works there; it is read with suspicion."""

from __future__ import annotations

import errno
import os
import shlex
import stat
import sys
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import Field, ValidationError

from tlbench.errors import OutputError
from tlbench.processes.identity import ProcessIdentity
from tlbench.system.names import printable
from tlbench.system.regular_file import NotRegularError, TooLargeError, open_regular

LOCK_FILE = ".lock"

_AT_MOST = 1 << 16
_SHOWN = 100


class LockOwner(ProcessIdentity):
    """Who holds a lock, as its file says: a process, since when it does, and by which command."""

    since: str = Field(max_length=64)
    command: str = Field(max_length=4096)
    token: str = Field(max_length=64)


@dataclass(frozen=True)
class LockFile:
    """A lock file as it was read; `owner` is None where it is damaged."""

    content: bytes
    touched: float
    owner: LockOwner | None


def own_lock() -> LockOwner:
    """What the calling process writes into a lock."""
    return LockOwner(
        **ProcessIdentity.own().model_dump(),
        since=datetime.now().astimezone().isoformat(timespec="seconds"),
        command=shlex.join([Path(sys.executable).name, *sys.orig_argv[1:]])[:4096],
        token=uuid.uuid4().hex,
    )


def read_lock(path: Path) -> LockFile | None:
    """The lock at a path; None where nothing lies there.

    Raises:
        NotRegularError, IsADirectoryError, TooLargeError: What lies there is no lock.
    """
    try:
        if stat.S_ISLNK(path.lstat().st_mode):
            raise NotRegularError(errno.EINVAL, "not a regular file but a link", str(path))
        with open_regular(path) as file:
            content = file.read(_AT_MOST + 1)
            touched = os.fstat(file.fileno()).st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(content) > _AT_MOST:
        raise TooLargeError(errno.EFBIG, "too large for a lock", str(path))
    try:
        owner = LockOwner.model_validate_json(content)
    except ValidationError:
        owner = None
    return LockFile(content, touched, owner)


def read_own_lock(path: Path) -> LockFile | None:
    """As `read_lock`, of a folder that this process is to work in.

    Raises:
        OutputError: What lies there is no lock.
    """
    try:
        return read_lock(path)
    except (NotRegularError, TooLargeError, IsADirectoryError) as error:
        raise OutputError(
            f"{path}: no lock that tlbench wrote ({error.strerror}); tlbench keeps a file of that name in the folder "
            "of a run: move it away"
        ) from None


def who_holds(found: LockFile) -> str:
    """The holder in words; whatever the file says, on one line of printable characters."""
    owner = found.owner
    if owner is None:
        return "a process that left a damaged lock"
    began = owner.since.replace("T", " ")
    command = owner.command if len(owner.command) <= _SHOWN else f"{owner.command[:_SHOWN]} …"
    return printable(f"process {owner.pid} on {owner.host}, since {began}: {command}")
