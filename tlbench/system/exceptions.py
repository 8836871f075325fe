"""What to say of an exception that somebody else's code has raised."""

from __future__ import annotations

import traceback
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def in_a_few_words(error: BaseException, limit: int = 200) -> str:
    """An exception's type and message in one line, with the line of code outside of tlbench that raised it."""
    message = " ".join(str(error).split())
    if len(message) > limit:
        message = message[:limit] + "…"
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not Path(f.filename).is_relative_to(PACKAGE)]
    own = [frame for frame in frames if "site-packages" not in frame.filename and not frame.filename.startswith("<")]
    where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return text + where
