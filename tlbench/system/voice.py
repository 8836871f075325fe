"""How reading, training and recording tell the user something, wherever it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Voice:
    """Tells the user something.

    Attributes:
        say: Shows a line.
        warn: Shows a warning, of one line.
    """

    say: Callable[[str], None]
    warn: Callable[[str], None]

    def without_warnings(self) -> Voice:
        """One that says the same and warns of nothing."""
        return replace(self, warn=_nothing)


def _nothing(_text: str) -> None:
    pass


SILENT = Voice(_nothing, _nothing)
PRINTING = Voice(print, print)
"""Prints lines and warnings alike, as plain text."""
