"""A run's process that a study has started: how it ends with its launcher, and what only the launcher is told.

Its standard input is a pipe from the launcher. However that ends, the pipe does too, and the run is then stopped as by
SIGTERM: it would otherwise train on for hours beside the same command's next try.
"""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Mapping

from tlbench.processes.news import NEWS, find_launcher

LAUNCHED = "TLBENCH_LAUNCHED"
"""Environment variable of a process that a launcher started; it has no meaning for the processes that this starts."""

WAS_COMPLETE = 76
"""Exit code for the launcher alone: the run was complete already."""

IN_USE = 75
"""Exit code for the launcher alone: another process works in the run's folder."""

_STDIN = 0


def launched_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process whose standard input is a pipe from this one."""
    return {**environment, LAUNCHED: str(os.getpid())}


def follow_launcher() -> bool:
    """Let this process end when its launcher does; whether a launcher started it. Call it as early as possible.

    Afterwards standard input is empty: nobody else waits for what the launcher never writes, and no process that this
    one starts has the pipe.
    """
    launched = os.environ.pop(LAUNCHED, None) is not None and _stdin_is_a_pipe()
    if launched:
        find_launcher(os.environ)
    os.environ.pop(NEWS, None)
    if not launched:
        return False
    pipe = os.dup(_STDIN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    threading.Thread(target=_end_with, args=(pipe,), daemon=True, name="launcher").start()
    return True


def _stdin_is_a_pipe() -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(_STDIN).st_mode)
    except OSError:
        return False


def _end_with(pipe: int) -> None:
    while os.read(pipe, 1 << 16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
