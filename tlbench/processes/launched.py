"""A run's process that a study has started: how it ends with its launcher, and what only the launcher is told.

Its standard input is a pipe from the launcher. However that ends, the pipe does too, and the run is then stopped as by
SIGTERM: it would otherwise train on for hours beside the same command's next try.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import stat
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LAUNCHED = "TLBENCH_LAUNCHED"
"""Environment variable of a process that a launcher started; it has no meaning for the processes that this starts."""

TELLS = "TLBENCH_TELLS"
"""Environment variable of such a process: the pipe in which it tells its launcher what all runs of a study may have to
say alike."""

SHOWN = "TLBENCH_SHOWN"
"""Likewise, where it has the terminal to itself: marks of the notices that the user has seen already."""

Kind = Literal["notice", "warning"]

WAS_COMPLETE = 76
"""Exit code for the launcher alone: the run was complete already."""

IN_USE = 75
"""Exit code for the launcher alone: another process works in the run's folder."""

_STDIN = 0


@dataclass
class _Launcher:
    """What this process knows of its launcher: the pipe to it, and, where the terminal is its own, what was shown."""

    pipe: int | None = None
    shown: frozenset[str] | None = None


_launcher = _Launcher()


def mark(text: str) -> str:
    """A short name of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def tell_launcher(kind: Kind, text: str, topic: str = "") -> bool:
    """Tell the launcher, if there is one, what other runs of its study may have to say as well.

    Args:
        kind: What it is.
        text: Lines.
        topic: Of a notice: the user sees one of each.

    Returns:
        Whether it is to be shown here, too: without a launcher, and where what is printed goes to the run's own
        `console.log`. On a terminal that is the run's own, the launcher shows warnings; notices, where no run has
        shown them before, are shown here.
    """
    if _launcher.pipe is None:
        return True
    message = json.dumps({"kind": kind, "text": text, "mark": mark(topic)}).encode() + b"\n"
    with contextlib.suppress(OSError):  # it is gone, and this process soon will be
        while message:
            message = message[os.write(_launcher.pipe, message) :]
    if _launcher.shown is None:
        return True
    return kind == "notice" and mark(topic) not in _launcher.shown


def launched_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process whose standard input is a pipe from this one."""
    return {**environment, LAUNCHED: str(os.getpid())}


def follow_launcher() -> bool:
    """Let this process end when its launcher does; whether a launcher started it. Call it as early as possible.

    Afterwards standard input is empty: nobody else waits for what the launcher never writes, and no process that this
    one starts has the pipe.
    """
    tells, shown = os.environ.pop(TELLS, ""), os.environ.pop(SHOWN, None)
    if os.environ.pop(LAUNCHED, None) is None or not _stdin_is_a_pipe():
        return False
    if tells.isdecimal():
        os.set_inheritable(int(tells), False)
        _launcher.pipe, _launcher.shown = int(tells), None if shown is None else frozenset(shown.split())
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
