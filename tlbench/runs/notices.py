"""What all runs of a study may have to say alike, as what was read and what they warn of: a study shows it once."""

from __future__ import annotations

from tlbench.console import say_lines, warn
from tlbench.processes.launched import tell_launcher


def notice(text: str, topic: str, here: str | None = None) -> None:
    """Show lines before training, as what was read: in a study once for each topic, when the first run says so.

    Args:
        text: Lines.
        topic: What they are about.
        here: What of it this process is to show, where it has shown the rest; None: all.
    """
    if tell_launcher("notice", text, topic):
        say_lines(text if here is None else here)


def warn_of(text: str) -> None:
    """Warn in one line; in a study once, under its table, with the runs that said so."""
    if tell_launcher("warning", text):
        warn(text)
