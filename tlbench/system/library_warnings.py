"""Warnings of libraries on a user's terminal: known ones in our words or not at all, others in one line, each once.

As they come they are two lines with a path into site-packages and a line of somebody else's code, which say neither
what happened to the user's run nor what to do about it.
"""

from __future__ import annotations

import logging
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tlbench.console import complain
from tlbench.errors import short

_KNOWN: Sequence[tuple[str, str | None]] = (
    (r"Glyph \d+ .* missing from", "pictures show a box for characters that their font lacks (DejaVu Sans)"),
    (r"findfont: ", None),  # another font is taken, which the glyphs' warning tells of where it matters
    (r"Matplotlib (is building the font cache|created a temporary)", None),
    (r"Tight layout not applied", None),
    (r"CUDA initialization: (.*)", r"torch cannot use the GPU: \1"),
    (r"Can't initialize NVML", "torch cannot use the GPU: the driver's NVML does not start"),
    (r"The given NumPy array is not writable", None),  # nobody writes to it
    (r"Detected call of `lr_scheduler\.step", None),  # a step that a scaler skipped
    (r"Online softmax is disabled|Not enough SMs to use max_autotune", None),
    (r"Overwriting .* in registry", None),
    (r".*\bPlan failed with a .*Exception", None),  # cuDNN tries another
    (r"Pydantic serializer warnings", None),
    (r"`?resource_tracker", None),
)
"""What a message begins with, as a regular expression → what is shown instead; None: nothing."""

_QUIET_PACKAGES = ("lightning", "pydantic", "torchmetrics")
"""Whose warnings are for those who write code with them."""

_FOR_DEVELOPERS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ImportWarning, ResourceWarning)

_MOST = 200  # characters of an unknown message

_PACKAGE = re.compile(r"[\\/](?:site|dist)-packages[\\/]([^\\/.]+)")

_shown: set[str] = set()


def tame_warnings() -> None:
    """From now on, show warnings of Python and of logging so in this process."""
    warnings.showwarning = _show
    logging.lastResort = _LastResort(logging.WARNING)


def in_our_words(message: str, origin: str, category: type[Warning] = UserWarning) -> str | None:
    """What to show of a library's warning; None: nothing.

    Args:
        message: Its own text.
        origin: The file that it comes from, or a logger's name.
        category: Its class.
    """
    text = " ".join(message.split())
    for pattern, ours in _KNOWN:
        match = re.match(pattern, text)
        if match:
            return None if ours is None else match.expand(ours)
    found = _PACKAGE.search(origin)
    package = found[1] if found else origin.partition(".")[0] if "/" not in origin else None
    if package is None:  # the user's own code, or ours
        return f"{Path(origin).name}: {short(text, _MOST)}"
    if package in _QUIET_PACKAGES or issubclass(category, _FOR_DEVELOPERS):
        return None
    return f"{package}: {short(text, _MOST)}"


def _show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,  # noqa: ARG001 - of `warnings.showwarning`
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    _say(in_our_words(str(message), filename, category))


class _LastResort(logging.Handler):
    """Gets what no handler of a library's own takes."""

    def emit(self, record: logging.LogRecord) -> None:
        _say(in_our_words(record.getMessage(), record.name))


def _say(text: str | None) -> None:
    if text is not None and text not in _shown and sys.stderr is not None:
        _shown.add(text)
        complain(f"warning: {text}")
