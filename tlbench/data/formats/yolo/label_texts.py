"""Texts in the folders of a YOLO data set, which may be label files."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field

from tlbench.data.paths import folded
from tlbench.system.regular_file import open_regular

LABELS = ".txt"

NO_LABELS = frozenset({"classes.txt", "predefined_classes.txt", "labels.txt", "names.txt", "readme.txt"})
"""Texts beside label files that are none."""


@dataclass(eq=False)
class Texts:
    """The texts in a folder: their names, and those by what they have in common with an image's name."""

    files: set[str] = field(default_factory=set)
    fitting: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, path: str) -> Texts:
        """Those in a folder, which need not be there."""
        found = cls()
        for file in _texts(path):
            found.files.add(file)
            found.fitting.setdefault(folded(stem(file)), []).append(file)
        return found


def stems_in(folder: str) -> set[str]:
    """The names of the images in a folder without their endings, and with them."""
    try:
        entries = os.listdir(folder)  # noqa: PTH208 - Paths are slow
    except OSError:
        return set()
    images = [name for name in entries if not name.lower().endswith(LABELS)]
    return {folded(name) for name in images} | {folded(stem(name)) for name in images}


def looks_like_labels(path: str) -> bool:
    """Whether a text beside images begins as a label file does; anything may lie there."""
    try:
        with open_regular(path) as file:
            cells = file.readline(1_000).split()
        return len(cells) >= 5 and all(math.isfinite(float(cell)) for cell in cells)
    except (OSError, ValueError):
        return False


def stem(name: str) -> str:
    """A path without the ending of its last name."""
    return os.path.splitext(name)[0]  # noqa: PTH122 - Paths are slow


def file_name(path: str) -> str:
    """The last name of a path."""
    return path.rpartition("/")[2]


def _texts(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.lower().endswith(LABELS) and not name.startswith(".")]  # noqa: PTH208
    except OSError:
        return []
