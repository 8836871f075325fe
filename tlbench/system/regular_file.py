"""Reading files that somebody else named: regular ones only, and no more of them than was agreed.

A FIFO would be waited for without end, a device such as /dev/zero read without end.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_WITHOUT_WAITING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)


class NotRegularError(OSError):
    """What the path names is no regular file, nor a link to one."""


class TooLargeError(OSError):
    """The file holds more bytes than may be read of it."""


def open_regular(path: Path | str) -> BinaryIO:
    """Open a regular file for reading; links are followed. Never waits for another process.

    Raises:
        NotRegularError: A FIFO, device or socket lies there.
        OSError: It cannot be opened; a folder is an `IsADirectoryError`.
    """
    _check(Path(path).stat().st_mode, path)  # before it is opened, which alone may do something to a device
    handle = os.open(path, _WITHOUT_WAITING)
    try:
        _check(os.fstat(handle).st_mode, path)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_regular(path: Path | str, at_most: int | None = None) -> bytes:
    """The bytes of a regular file.

    Args:
        path: The file, or a link to it.
        at_most: Bytes that it may hold; None: any number.

    Raises:
        TooLargeError: It holds more.
        OSError: As `open_regular`.
    """
    with open_regular(path) as file:
        if at_most is None:
            return file.read()
        expected = os.fstat(file.fileno()).st_size
        content = b""
        while expected <= at_most and (part := file.read(expected + 1 - len(content))):  # memory for so much, not more
            content = content + part if content else part
            expected = max(expected, len(content))  # it may grow meanwhile
        if expected > at_most:
            raise TooLargeError(errno.EFBIG, f"more than {at_most:,} bytes in it", str(path))
        return content


def _check(mode: int, path: Path | str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise NotRegularError(errno.EINVAL, f"not a regular file but {kind}", str(path))
