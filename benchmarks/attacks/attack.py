"""What an attack is: an input that is drawn, and steps that must each be survived."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.attacks.command import Command, Outcome, Running
from benchmarks.attacks.files import Snapshot, snapshot

CANARY = "CODE_RAN"
"""A file beside the attack's working folder that only harmful code makes."""


class Skipped(Exception):
    """An attack that cannot be tried here; the reason."""


class Place:
    """Where an attack happens.

    Args:
        base: A folder of the attack's own, empty.
        references: The folders of the reference runs.

    Attributes:
        folder: The working folder of its commands, below `base`; nothing may appear beside it.
        canary: What harmful code makes.
        environment: Variables of all its commands.
        helpers: Processes that run until the attack is over.
    """

    def __init__(self, base: Path, references: Path) -> None:
        self.base, self.references = base, references
        self.folder = base / "inside"
        self.folder.mkdir(parents=True)
        self.canary = base / CANARY
        self.streams = base / "streams"
        self.streams.mkdir()
        self.environment: dict[str, str | None] = {}
        self.helpers: list[int] = []

    def reference(self, name: str) -> Path:
        """The working folder of a reference's command: its run in `run`, and its data."""
        return self.references / name

    def copy(self, name: str) -> None:
        """Bring a reference's files here."""
        shutil.copytree(self.reference(name), self.folder, dirs_exist_ok=True, symlinks=True)

    def start(self, command: Command) -> Running:
        """Start a command in the working folder."""
        if command.real and not command.script.is_file():
            raise Skipped(f"{command.script.name} is not installed beside python")
        command = replace(command, environment={**self.environment, **command.environment})
        return Running(command, self.folder, self.streams)

    def close(self) -> None:
        """End what still runs."""
        for process in self.helpers:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)

    def harm(self) -> list[str]:
        """What code that ran, or a path that led out, has left."""
        expected = {self.folder.name, self.streams.name}
        return sorted(f"{path.name} appeared" for path in self.base.iterdir() if path.name not in expected)


@dataclass(frozen=True)
class Result:
    """What an oracle sees: where a command ran, what was there before, and what it left."""

    place: Place
    before: Snapshot
    outcome: Outcome


Oracle = Callable[[Result], list[str]]
"""Why a command was not survived, in a few words each; none: it was."""

Step = Callable[[Place], list[str]]
"""Does something in the place; gives why it was not survived."""


@dataclass(frozen=True)
class Expect:
    """A step: a command, and by what it is survived.

    Whatever the oracle is: it ends in time, without a traceback, a control character or a process left behind, and no
    harmful code has run.
    """

    command: Command
    oracle: Oracle

    def __call__(self, place: Place) -> list[str]:
        """Run it and judge."""
        before = snapshot(place.folder)
        outcome = place.start(self.command).wait()
        return judge(self.oracle, Result(place, before, outcome))


def judge(oracle: Oracle, result: Result) -> list[str]:
    """What an outcome has against it, and why the oracle is not content."""
    outcome = result.outcome
    if outcome.code is None:
        return [f"did not end within {outcome.seconds:.0f} s", *result.place.harm()]
    wrong = result.place.harm()
    if outcome.orphans:
        wrong.append("left processes behind")
    if "Traceback (most recent call last)" in outcome.out + outcome.err:
        wrong.append("traceback")
    controls = {c for c in outcome.out + outcome.err if not c.isprintable() and c not in "\n\r\t"}
    if controls:
        wrong.append(f"control characters printed: {''.join(sorted(controls))!a}")
    wrong += oracle(result)
    if wrong:
        said = (outcome.err.strip() or outcome.out.strip()).splitlines()
        wrong.append(f"exit code {outcome.code}, said: {ascii(said[-1])[:300] if said else 'nothing'}")
    return wrong


@dataclass(frozen=True)
class Attack:
    """An attack.

    Attributes:
        kind: What is tried; a row of the table.
        name: Which of them; unique within the kind.
        draw: Draws the input; its working folder is the place's.
        steps: What is done with it, in order; the first that is not survived is the last.
        group: Set by whoever collects the groups.
    """

    kind: str
    name: str
    draw: Callable[[Place], Any]
    steps: tuple[Step, ...]
    group: str = ""

    @property
    def full_name(self) -> str:
        """What `--only` is compared with."""
        return f"{self.group}: {self.kind}: {self.name}"

    def within(self, group: str) -> Attack:
        """The same, in a group."""
        return replace(self, group=group)

    def carry_out(self, place: Place) -> list[str]:
        """Draw and take each step.

        Returns:
            Why it was not survived; none: it was.

        Raises:
            Skipped: It cannot be tried here.
        """
        os.chdir(place.folder)
        self.draw(place)
        for number, step in enumerate(self.steps, start=1):
            wrong = step(place)
            if wrong:
                return [f"step {number}: {text}" if len(self.steps) > 1 else text for text in wrong]
        return []


Attacks = Iterator[Attack]
