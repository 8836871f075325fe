"""The one console that tlbench prints to: colours and moving bars on a terminal, plain text in a pipe or a file."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

_WIDTH_OF_A_PIPE = 120

console = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE, highlight=False)
"""Writes to whatever `sys.stdout` is at the time; print one-line messages with `soft_wrap=True`."""

stderr = Console(stderr=True, highlight=False)
"""Writes to whatever `sys.stderr` is at the time: complaints, and bars where stdout holds a command's result."""


def is_terminal() -> bool:
    """True where a bar can be redrawn in place; FORCE_COLOR colours a pipe but does not make it a terminal."""
    return console.file.isatty() and not console.is_dumb_terminal


def warn(text: str) -> None:
    """Print one line beginning with `warning:`; the text is taken as it is, without markup."""
    console.print(Text.assemble(("warning: ", "yellow"), text), soft_wrap=True)


def banner(text: str) -> None:
    """Print text in a frame, for what must not be overlooked, as a stand-in."""
    console.print(Panel(Text(text), border_style="yellow", expand=False))


def say(text: str) -> None:
    """Print one line, as it is."""
    console.print(Text(text), soft_wrap=True)


def complain(text: str) -> None:
    """Print one line to stderr, as it is; above a bar that moves there."""
    stderr.print(Text(text), soft_wrap=True)


def shown(path: Path) -> str:
    """A path as a user would type it: relative to the working folder if it lies below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
