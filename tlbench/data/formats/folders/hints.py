"""What folders of images look like: whether one is a copy, which level holds the classes, where else they may be."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tlbench.data.file_tree import Folder
from tlbench.data.image_opening import EXTENSIONS
from tlbench.data.label_names import some, typed
from tlbench.system.folders import entries_of, is_folder

_LOOKED_AT = 50  # folders, and files in each

_IMAGES = re.compile(r"(jpe?g|png)?[_ -]?(images?|imgs?|photos?|pictures?|pics?|frames?|files?)|jpe?gs?|pngs?")
"""Names of folders that say nothing of what is in the images."""


def is_copy(folder: Folder, other: Folder) -> bool:
    """Whether two folders hold images of the same names and sizes."""
    first, second = ({name[len(f.below) :]: _size(f.root / name) for name in f.images()} for f in (folder, other))
    return first == second


def few_in(folder: Folder) -> bool:
    """Whether images lie in the folders below, and but a stray one or two, or one in twenty, beside these folders."""
    own = sum(kind.image for kind in folder.kinds.values())
    below = sum(kind.image for inner in folder.with_images() for _, kind in inner.names())
    return own < below and own <= max(2, below // 20)


def only_folder_in(folder: Folder) -> Folder | None:
    """The folder that is wrapped in another: the only one of images in it, with folders of images in it; else None."""
    inner = folder.with_images()
    return inner[0] if len(inner) == 1 and few_in(folder) and few_in(inner[0]) else None


def unwrapped(folder: Folder) -> Folder:
    """The folder below that holds several folders of images, or images, where single folders are wrapped around it."""
    while (inner := only_folder_in(folder)) is not None:
        folder = inner
    return folder


def same_folders_in(folders: Sequence[Folder]) -> tuple[list[str], list[str]] | None:
    """The names of the folders that hold folders of the same names, and these names, in whatever case.

    Then it cannot be known which level the classes are: `camera_1/{good,broken}`, `COVID/{images,masks}`, or splits
    under names of their own (`fold1/{cat,dog,emu}` and `fold2/{cat,dog}`). A single name means nothing where there is
    no other (`cat/new`, `dog/new`), or where it says no more than that there are images (`cat/{images,extra}`,
    `dog/images`).
    """
    within = {
        folder.name: {typed(f.name).casefold(): f.name for f in inner.with_images()}
        for folder in folders
        if few_in(inner := unwrapped(folder))
    }
    counts = Counter(key for names in within.values() for key in names)
    shared = {key for key, count in counts.items() if count > 1}
    if not shared or len(counts) < 2 or (len(shared) == 1 and all(map(_IMAGES.fullmatch, shared))):
        return None
    holding = {name: names for name, names in within.items() if shared & names.keys()}
    known = {key: name for names in reversed(holding.values()) for key, name in names.items()}
    return sorted(holding), sorted(known[key] for key in shared)


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
