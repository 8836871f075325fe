"""The working folder among the places where Python looks for modules: there only once the user has asked for it.

`python -m` puts it first by itself; the console scripts `tlbench-…` do not.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_added: set[str] = set()
"""Working folders that were put there since this process began."""


def has_working_folder() -> bool:
    """Whether Python looks into the working folder."""
    return "" in sys.path or _here() in sys.path


def began_with_working_folder() -> bool:
    """Whether Python did so when this process began, as with `python -m`."""
    return "" in sys.path or (_here() in sys.path and _here() not in _added)


def add_working_folder() -> None:
    """Let modules of the working folder be imported, before all others, as `python -m` does."""
    here = _here()
    if here and not has_working_folder():
        sys.path.insert(0, here)
        _added.add(here)
    importlib.invalidate_caches()


@contextmanager
def restored() -> Iterator[None]:
    """Take the working folder off again, if it was put there meanwhile."""
    before = has_working_folder()
    try:
        yield
    finally:
        here = _here()
        if not before and here in sys.path:
            sys.path.remove(here)
            _added.discard(here)


def as_added() -> list[str]:
    """Where a module would be looked for, were the working folder added; absolute."""
    here = _here()
    places = [place or here for place in sys.path]
    places = places if here in places else [here, *places]
    return [os.path.abspath(place) for place in places if place]  # noqa: PTH100


def _here() -> str:
    """The working folder; empty where it was deleted."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return ""
