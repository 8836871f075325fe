"""A voice whose lines and warnings a test reads."""

from __future__ import annotations

from tlbench.system.voice import Voice


def hearing(lines: list[str]) -> Voice:
    """A voice of which lines and warnings are appended to `lines`, alike."""
    return Voice(lines.append, lines.append)
