"""Lists of splits: `ImageSets/Segmentation/train.txt` as of Pascal VOC, or `train.txt` beside the folders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tlbench.config import LimitsConfig
from tlbench.data.file_tree import FileTree
from tlbench.data.formats.yolo.texts import lines_of
from tlbench.data.split_names import split_name
from tlbench.errors import DataError

_PLACE = re.compile(r"(?:[^/]+/)*?(imagesets/segmentation/|imagesets/|splits?/)?", re.IGNORECASE)
_BOTH = "trainval"


@dataclass(frozen=True)
class SplitList:
    """A list of the images of a split.

    Args:
        file: Its path below the root.
        split: `train`, `val` or `test`.
        names: Line of each image, and what its name may be, without the folders before it: of a line with several
            words all of it, or the first of them, as beside it may stand its mask. With or without its ending.
    """

    file: str
    split: str
    names: tuple[tuple[int, tuple[str, ...]], ...]


def find_lists(root: Path, tree: FileTree, limits: LimitsConfig) -> list[SplitList]:
    """The lists of splits below a folder; none where none is called after a split.

    Raises:
        DataError: A list cannot be read or is empty, or two are of one split.
    """
    found: dict[str, str] = {}
    for file in _texts(tree):
        stem = file.rpartition("/")[2][: -len(".txt")]
        split = split_name(stem)
        if split is None or split.rest or split.weak or split.kind not in ("train", "val", "test"):
            continue
        if other := found.get(split.kind):
            stems = {name.rpartition("/")[2][: -len(".txt")].casefold(): name for name in (file, other)}
            if _BOTH not in stems:
                raise DataError(f"{root}: {other} and {file} both list {split.kind}; keep one of them")
            stems.pop(_BOTH)  # train and val together
            file = next(iter(stems.values()))
        found[split.kind] = file
    if set(found) == {"val"} or not found:
        return []
    return [SplitList(file, split, tuple(_names(root / file, limits))) for split, file in found.items()]


def _texts(tree: FileTree) -> list[str]:
    """Texts where lists lie, those in the deepest such folder alone."""
    places: dict[str, list[str]] = {}
    for folder in tree.top.walk():
        here = _PLACE.fullmatch(folder.below)
        if here is not None and (here[1] or folder.below.count("/") <= 1):
            texts = [f"{folder.below}{file}" for file in folder.files if file.lower().endswith(".txt")]
            places.setdefault((here[1] or "").casefold(), []).extend(texts)
    return next((places[place] for place in sorted(places, key=len, reverse=True) if places[place]), [])


def _names(file: Path, limits: LimitsConfig) -> Iterator[tuple[int, tuple[str, ...]]]:
    count = 0
    for number, line in enumerate(lines_of(file, limits, "wanted is one image a line"), 1):
        if line.strip():
            count += 1
            texts = dict.fromkeys((line.strip(), line.split()[0]))
            yield number, tuple(text.replace("\\", "/").rpartition("/")[2] for text in texts)
    if not count:
        raise DataError(f"{file}: an empty list; add images, or remove it")
