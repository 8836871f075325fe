"""What a study's runs tell their launcher while they go on: notices, shown once, and warnings, kept for its table."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tlbench.console import say_lines, warn
from tlbench.processes.launched import SHOWN, TELLS


class Message(NamedTuple):
    """What a run tells."""

    kind: str
    text: str
    mark: str


class Inbox:
    """The end of a pipe in which one run tells; `close_writing` once it has the other end."""

    def __init__(self) -> None:
        self._reading, self.writing = os.pipe()
        os.set_blocking(self._reading, False)
        self._rest = b""

    def close_writing(self) -> None:
        """Leave that end to the run."""
        os.close(self.writing)

    def messages(self) -> Iterator[Message]:
        """What was told since the last call; never waits."""
        with contextlib.suppress(BlockingIOError):
            while found := os.read(self._reading, 1 << 16):
                self._rest += found
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            content = json.loads(line)
            yield Message(content["kind"], content["text"], content["mark"])

    def close(self) -> None:
        """Nothing more is wanted."""
        os.close(self._reading)


class Notices:
    """The notices that the user of this process has seen."""

    def __init__(self) -> None:
        self._shown: dict[str, None] = {}

    def environment(self, inbox: Inbox, own_terminal: bool) -> Mapping[str, str]:
        """What a run needs to know.

        Args:
            inbox: Its launcher's.
            own_terminal: Whether it has the terminal to itself.
        """
        shown = {SHOWN: " ".join(self._shown)} if own_terminal else {}
        return {TELLS: str(inbox.writing), **shown}

    def take(self, message: Message, own_terminal: bool) -> None:
        """Show that of which nobody has shown the like; a run with a terminal of its own has done so itself."""
        if message.mark not in self._shown:
            self._shown[message.mark] = None
            if not own_terminal:
                say_lines(message.text)


class Warnings:
    """What the runs of a command have told that they warn of: (text, arm, seed) each."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, int]] = []

    def add(self, arm: str, seed: int, text: str) -> None:
        """A run has told one."""
        self.found.append((text, arm, seed))

    def show(self) -> None:
        """Each once, where there is no table for them to stand under."""
        for text in dict.fromkeys(text for text, _, _ in self.found):
            warn(text)
