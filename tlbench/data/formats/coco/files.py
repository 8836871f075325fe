"""The annotation files of what the user gave as a COCO data set, and what is in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from tlbench.config import LimitsConfig
from tlbench.data.formats.coco.content import check_lists, is_coco, load_json, without_annotations
from tlbench.data.formats.coco.folder import (
    ELSEWHERE,
    LAYOUTS,
    NO_SPLIT,
    CocoPart,
    find_annotations,
    part_of_file,
    wrapped,
)
from tlbench.data.formats.other_formats import what_it_is
from tlbench.data.inventory import all_files
from tlbench.errors import DataError

_FIRST = 20  # images that are looked up to find their folder


@dataclass(frozen=True, eq=False)
class CocoFiles:
    """A data set's annotation files, and all others.

    Args:
        given: The folder that the user gave, or that of the file, or the one above where the images are beside that.
        all: All files below it.
        root: The folder in which the data set is.
        below: All files below that.
        parts: Split → its annotations, below `root`.
        contents: Split → what is in them, with COCO's lists.
        reasons: File below `root` → why it was left out.
    """

    given: Path
    all: Sequence[str]
    root: Path
    below: Sequence[str]
    parts: Mapping[str, CocoPart]
    contents: dict[str, dict[str, Any]]
    reasons: Mapping[str, str]

    def path(self, split: str) -> Path:
        """The JSON file of a split."""
        return self.root / self.parts[split].file


def find_coco(given: Path, limits: LimitsConfig, say: Callable[[str], None], warn: Callable[[str], None]) -> CocoFiles:
    """Find and load the annotations in a folder, or in one file.

    Args:
        given: The folder, or the JSON file, whose images then are all in one part.
        limits: Up to which size files are read.
        say: Shows the user a line.
        warn: Shows the user a warning.

    Raises:
        DataError: None, of another format, or not of `train`.
    """
    loaded: dict[str, Any] = {}
    root = _root_of_file(given, limits) if given.is_file() else given
    every = list(all_files(root))
    base, below = root, every
    reasons: dict[str, str] = {}

    def holds_boxes(file: str) -> bool:
        if file in loaded:
            return True
        try:
            content = load_json(root / file, limits)
        except DataError:
            return True  # what is wrong with it is said where it is taken
        if is_coco(content):
            loaded[file] = content
        return file in loaded

    def share_beside(file: str) -> float | None:
        folder, names = (root / file).parent, _first_names(loaded.get(file))
        places = (folder, folder / "images", folder / "data")
        there = max(sum(os.path.lexists(place / name) for name in names) for place in places)
        return there / len(names) if names else None

    if given.is_file():
        parts = {"train": part_of_file(given.relative_to(root).as_posix(), below)}
    else:
        while top := wrapped(root, below):
            say(f"{root}: all is in the folder {top}, which is read")
            root, below = root / top, [file[len(top) + 1 :] for file in below if file.startswith(f"{top}/")]
        parts, reasons = find_annotations(root, below, holds_boxes, share_beside)
        for file in (file for file, reason in reasons.items() if reason == ELSEWHERE):
            say(f"{root / file}: left out: most of its images are not beside it, as they are beside other annotations")
            loaded.pop(file, None)
        for file in (file for file, reason in reasons.items() if reason == NO_SPLIT):
            if holds_boxes(file) and loaded.pop(file, None) is not None:
                warn(
                    f"{root / file}: annotations of boxes that are left out, as it is called after no split that "
                    "is free; call it train, val or test, or remove it"
                )
    if not parts:
        kind = what_it_is(root, below, limits)
        wanted = f"it is {kind}" if kind else f"wanted is {LAYOUTS}"
        raise DataError(f"{root}: no annotations of COCO's kind; {wanted}")
    contents = {}
    for split, part in list(parts.items()):
        content = loaded[part.file] if part.file in loaded else load_json(root / part.file, limits)
        if split == "test" and without_annotations(content):
            warn(
                f"{root / part.file}: lists {len(content['images'])} images without annotations, as test sets do whose "
                "answers are kept back; it is left out, and test comes from val or train"
            )
            reasons[part.file] = "images without annotations"
            del parts[split]
            continue
        contents[split] = check_lists(root / part.file, content)
    return CocoFiles(base, every, root, below, parts, contents, reasons)


def _root_of_file(file: Path, limits: LimitsConfig) -> Path:
    """The file's folder; or the one above, if its first images are there and not beside the file (COCO's layout)."""
    folder = file.parent
    try:
        content = load_json(file, limits)
    except DataError:
        return folder  # what is wrong with it is said where it is taken
    names = _first_names(content)
    if not names or folder.absolute() == folder.absolute().parent or not folder.name:
        return folder

    def reached(root: Path, path: str) -> bool:
        bases = part_of_file(path, []).bases
        return any(os.path.lexists(root / base / name) for base in bases for name in names)

    beside = reached(folder, file.name)
    return folder.parent if not beside and reached(folder.parent, f"{folder.name}/{file.name}") else folder


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != "" and "\0" not in value


def _first_names(content: Any) -> list[str]:
    """The names of the first images of a file of COCO's kind."""
    listed = content.get("images") if isinstance(content, dict) else None
    entries = listed[:_FIRST] if isinstance(listed, list) else []
    return [
        name.replace("\\", "/")
        for entry in entries
        if isinstance(entry, dict) and _is_name(name := entry.get("file_name"))
    ]
