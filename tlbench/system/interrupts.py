"""SIGINT and SIGTERM end a run in order: what is written stays whole, the record says `interrupted`, the same command
goes on.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal asked the run to stop; not an Exception, so that nothing on the way mistakes it for a failure."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class Signals:
    """What SIGINT and SIGTERM do: raise `Interrupted` in the main thread, or wait until the run can be left.

    Attributes:
        deferred: Whether a first signal is only noted, for a loop that saves and then calls `raise_if_pending`. A
            second one does not wait.
        pending: The noted signal.
    """

    def __init__(self) -> None:
        self.deferred = False
        self.pending: int | None = None

    def install(self) -> None:
        """Handle the signals; call it again where a library has put its own handlers in between."""
        for number in _SIGNALS:
            signal.signal(number, self._handle)

    def raise_if_pending(self) -> None:
        """Raise what was noted."""
        if self.pending is not None:
            self._raise(self.pending)

    def _handle(self, signum: int, _frame: FrameType | None) -> None:
        if self.deferred and self.pending is None:
            self.pending = signum
        else:
            self._raise(signum)

    @staticmethod
    def _raise(signum: int) -> None:
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)  # nothing may disturb the way out
        raise Interrupted(signum)


@contextmanager
def interruptible() -> Iterator[Signals]:
    """Inside, SIGINT and SIGTERM raise `Interrupted`, unless deferred; a further one while it unwinds is ignored."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    signals = Signals()
    signals.install()
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def noted_signals() -> Iterator[list[int]]:
    """Inside, SIGINT and SIGTERM are appended to the list and disturb nothing else, for a loop that looks at it.

    An exception could strike between the start of a process and the note that it runs.
    """
    noted: list[int] = []
    handlers = {n: signal.signal(n, lambda number, _: noted.append(number)) for n in _SIGNALS}
    try:
        yield noted
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
