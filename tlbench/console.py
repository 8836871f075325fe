"""The one console that tlbench prints to: colours and moving bars on a terminal, plain text in a pipe or a file.

Nothing that is printed can move the cursor or turn the direction of the text: names may hold anything. In a
notebook, too, lines go to the streams: rich's own way would make an output of its own of each.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.panel import Panel
from rich.segment import Segment
from rich.text import Text

from tlbench.system.names import escaped
from tlbench.system.streams import EscapingStream
from tlbench.system.voice import Voice

_WIDTH_OF_A_PIPE = 120


class _EscapingConsole(Console):
    """Escapes what it is given to show, before its own codes for colours and bars join it."""

    @property
    def file(self) -> IO[str]:
        """Where it writes: whatever `sys.stdout` or `sys.stderr` is at the time."""
        stream = super().file
        return stream.inner if isinstance(stream, EscapingStream) else stream  # type: ignore[return-value]

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich's, escaped."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=escaped(segment.text, keep="\n"))


console = _EscapingConsole(
    width=None if sys.stdout is not None and sys.stdout.isatty() else _WIDTH_OF_A_PIPE,
    highlight=False,
    markup=False,
    emoji=False,
    force_jupyter=False,
)
"""Writes to whatever `sys.stdout` is at the time; print one-line messages with `soft_wrap=True`."""

stderr = _EscapingConsole(stderr=True, highlight=False, markup=False, emoji=False, force_jupyter=False)
"""Writes to whatever `sys.stderr` is at the time: complaints, and bars where stdout holds a command's result."""


def is_terminal() -> bool:
    """True where a bar can be redrawn in place; FORCE_COLOR colours a pipe but does not make it a terminal."""
    return console.file.isatty() and not console.is_dumb_terminal


def warn(text: str) -> None:
    """Print one line beginning with `warning:`; the text is taken as it is, without markup."""
    console.print(Text.assemble(("warning: ", "yellow"), escaped(text)), soft_wrap=True)


def banner(text: str) -> None:
    """Print lines in a frame, for what must not be overlooked, as a stand-in."""
    console.print(Panel(Text(escaped(text, keep="\n")), border_style="yellow", expand=False))


def say(text: str) -> None:
    """Print one line, as it is; what cannot be seen, line breaks as well, is escaped."""
    console.print(Text(escaped(text)), soft_wrap=True)


VOICE = Voice(say, warn)
"""The console's own."""


def say_lines(text: str) -> None:
    """Print several lines, as they are."""
    console.print(Text(escaped(text, keep="\n")), soft_wrap=True)


def complain(text: str) -> None:
    """Print one line to stderr, as `say` does; above a bar that moves there."""
    stderr.print(Text(escaped(text)), soft_wrap=True)


def shown(path: Path) -> str:
    """A path as a user would type it: relative to the working folder if it lies below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
