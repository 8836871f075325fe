"""What a study's run tells its launcher while it runs, where its output goes into a file that nobody looks at yet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

NEWS = "TLBENCH_NEWS"
"""Environment variable of a launched process: the descriptor of the pipe that it tells news by."""

_END = b"\0"
_AT_ONCE = 1 << 16  # bytes


class News:
    """The launcher's end: one message of lines from a process, or none."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        self._told = b""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the process must inherit."""
        return (self._write,)

    def environment(self) -> dict[str, str]:
        """What is to be added to the process's."""
        return {NEWS: str(self._write)}

    def started(self) -> None:
        """The process has its end of the pipe."""
        os.close(self._write)

    def heard(self) -> list[str] | None:
        """The message, once it is there as a whole."""
        try:
            while part := os.read(self._read, _AT_ONCE):
                self._told += part
        except BlockingIOError:
            pass
        whole, found, _ = self._told.partition(_END)
        return whole.decode("utf-8", "replace").splitlines() if found else None

    def close(self) -> None:
        """Nothing more is wanted."""
        os.close(self._read)


_pipe: int | None = None


def find_launcher(environment: Mapping[str, str]) -> None:
    """Take up the pipe that the launcher gave; no process that this one starts has it."""
    global _pipe
    try:
        _pipe = int(environment[NEWS])
        os.set_inheritable(_pipe, False)
    except (KeyError, ValueError, OSError):  # none, or another program's idea of the variable
        _pipe = None


def tell_launcher(lines: Sequence[str]) -> None:
    """Tell lines, once; nothing happens where nobody listens, or nobody does any more."""
    global _pipe
    if _pipe is None:
        return
    pipe, _pipe = _pipe, None
    try:
        os.write(pipe, "\n".join(lines).encode("utf-8", "replace") + _END)
    except OSError:
        pass
    finally:
        os.close(pipe)
