"""Runs of a study one after another, each of which may depend on how the one before ended."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.errors import Failure


class StudyFailed(Failure):
    """At least one run of a study failed."""


@dataclass(frozen=True)
class Job:
    """A run.

    Attributes:
        name: For the user.
        arguments: Of `python -m tlbench.train`.
        folder: The run's.
        gpus: How many GPUs it takes, where there are any.
        prepare: Called just before it starts, when no other process works in the folder; may return further arguments,
            or raise `FolderInUse`, which lets the job wait again.
        warned: Told each warning of the run.
        complete: Whether its run is complete already, so that it takes no time.
    """

    name: str
    arguments: Sequence[str]
    folder: Path
    gpus: int = 0
    prepare: Callable[[], Sequence[str] | None] | None = None
    warned: Callable[[str], None] | None = None
    complete: bool = False


@dataclass(frozen=True)
class Wait:
    """What a chain asks for that goes on when no other process works in a folder; it is then sent 0."""

    name: str
    folder: Path


Chain = Generator["Job | Wait", int, None]
"""Jobs one after another: yields one, is sent its exit code, and so may let the next depend on it."""


@dataclass
class Turn:
    """A chain, with what it asks for next, or the exit code that it is to be sent (None: it has not begun)."""

    chain: Chain
    wanted: Job | Wait | None = None
    code: int | None = None
    waits_for: str | None = None

    def advance(self) -> Job | Wait:
        """What it wants; asks the chain where that is not known."""
        if self.wanted is None:
            self.wanted = next(self.chain) if self.code is None else self.chain.send(self.code)
        return self.wanted

    def done(self, code: int) -> None:
        """What it wanted is done."""
        self.wanted, self.code, self.waits_for = None, code, None
