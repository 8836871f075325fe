"""What folders of images look like: whether one is a copy, which level holds the classes, where else they may be."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tlbench.data.decode import EXTENSIONS
from tlbench.data.file_tree import Folder
from tlbench.data.label_names import some
from tlbench.folders import entries_of, is_folder

_LOOKED_AT = 50  # folders, and files in each


def is_copy(folder: Folder, other: Folder) -> bool:
    """Whether two folders hold images of the same names and sizes."""
    first, second = ({name[len(f.below) :]: _size(f.root / name) for name in f.images()} for f in (folder, other))
    return first == second


def same_folders_in_each(folders: Sequence[Folder]) -> list[str] | None:
    """The names of the folders that lie in several of the folders, where all hold such and no images of their own.

    Then it cannot be known which level the classes are: `camera_1/{good,broken}`, `COVID/{images,masks}`.
    """
    holding = [folder for folder in folders if folder.has_images]
    if len(holding) < 2 or any(folder.has_own_images for folder in holding):
        return None
    counts = Counter(inner.name for folder in holding for inner in folder.with_images())
    return sorted(counts) if len(counts) > 1 and min(counts.values()) > 1 else None


def hint_above(root: Path) -> str:
    """`, perhaps those of the folder above (…)` where that holds folders of images."""
    above = Path(os.path.abspath(root)).parent  # noqa: PTH100 - links are not resolved
    try:
        beside = [entry for entry in islice(entries_of(above), _LOOKED_AT) if is_folder(entry)]
        holding = sorted(entry.name for entry in beside if _holds_images(entry.path))
    except OSError:
        return ""
    return f", perhaps those of the folder above, {above} ({some(holding)})" if len(holding) > 1 else ""


def hint_table(root: Path) -> str:
    """`; …: data=image_csv …` where a table lies in the folder."""
    try:
        tables = sorted(entry.name for entry in entries_of(root) if entry.name.lower().endswith((".csv", ".tsv")))
    except OSError:
        return ""
    return f"; where {tables[0]} names their classes, use data=image_csv data.root={root / tables[0]}" if tables else ""


def images(count: int) -> str:
    """`1 image`, `5 images`."""
    return f"{count} image" + ("s" if count != 1 else "")


def _holds_images(folder: str) -> bool:
    try:
        return any(entry.name.lower().endswith(EXTENSIONS) for entry in islice(entries_of(folder), _LOOKED_AT))
    except OSError:
        return False


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
