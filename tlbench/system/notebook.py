"""A bar in a notebook: one output of its cell, which is written over."""

from __future__ import annotations

import sys
from importlib import import_module
from time import monotonic
from typing import Any

_WIDTH = 30  # characters
_REDRAW_S = 0.25


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this code; its streams are no terminal, though somebody looks at them."""
    ipython: Any = sys.modules.get("IPython")  # a kernel has imported it
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class NotebookBar:
    """A line that moves; plain text, so that it needs no widgets and stays readable in a saved notebook.

    Its last state stays.

    Args:
        name: What is counted.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._text = ""
        self._handle: Any = None
        self._next = 0.0

    def show(self, completed: int, total: int | None, text: str = "", name: str | None = None) -> None:
        """Show it anew, at most four times a second."""
        self._name = self._name if name is None else name
        bar = ""
        if total:
            full = _WIDTH * min(completed, total) // total
            bar = "━" * full + "─" * (_WIDTH - full)
        self._text = "  ".join(part for part in (self._name, bar, text) if part)
        if monotonic() >= self._next:
            self._draw()

    def close(self) -> None:
        """Show the last state, if it was shown at all."""
        if self._handle is not None:
            self._draw()

    def _draw(self) -> None:
        data = {"text/plain": self._text}
        if self._handle is None:
            self._handle = import_module("IPython.display").display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)
        self._next = monotonic() + _REDRAW_S
