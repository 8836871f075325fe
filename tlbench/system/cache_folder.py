"""Where what can be computed again is kept."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_FOLDER = "TLBENCH_CACHE"
"""Environment variable: the folder for what can be computed again."""


def cache_folder() -> Path:
    """$TLBENCH_CACHE, else $XDG_CACHE_HOME/tlbench, else ~/.cache/tlbench; not made."""
    given = os.getenv(CACHE_FOLDER)
    if given:
        return Path(os.path.expanduser(given))  # noqa: PTH111 (Path.expanduser raises for an unknown user)
    return Path(os.path.expanduser(os.getenv("XDG_CACHE_HOME") or "~/.cache")) / "tlbench"  # noqa: PTH111


OF_THE_CACHE = ("decoded ", "drew ", "drawn documents ", "waits for another run")
"""How lines begin that say what was done, or not, to keep images for other runs: of the machine, not of the data."""
