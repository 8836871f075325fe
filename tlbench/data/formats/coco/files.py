"""The annotation files of what the user gave as a COCO data set, and what is in them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.config import LimitsConfig
from tlbench.data.formats.coco.content import check_lists, is_predicted, load_json, without_annotations
from tlbench.data.formats.coco.folder import LAYOUTS, CocoPart, find_annotations, part_of_file, wrapped
from tlbench.data.formats.coco.jsons import JsonFiles, image_names
from tlbench.data.formats.other_formats import what_it_is
from tlbench.data.inventory import all_files
from tlbench.data.paths import whole
from tlbench.errors import DataError
from tlbench.system.voice import Voice

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


def find_coco(given: Path, limits: LimitsConfig, voice: Voice) -> CocoFiles:
    """Find and load the annotations in a folder, or in one file.

    Args:
        given: The folder, or the JSON file, whose images then are all in one part.
        limits: Up to which size files are read.
        voice: Speaks to the user.

    Raises:
        DataError: None, of another format, or not of `train`.
    """
    root, parsed = given, {}
    if given.is_file():
        root, name, content = _root_of_file(given, limits)
        parsed = {name: content}
    every = list(all_files(root))
    base, below = root, every
    reasons: dict[str, str] = {}
    if given.is_file():
        jsons = JsonFiles(root, below, limits, parsed)
        parts = {"train": part_of_file(next(iter(parsed)), below)}
    else:
        while top := wrapped(root, below):
            voice.say(f"{root}: all is in the folder {top}, which is read")
            root, below = root / top, [file[len(top) + 1 :] for file in below if file.startswith(f"{top}/")]
        jsons = JsonFiles(root, below, limits)
        parts, reasons = find_annotations(jsons, voice)
    if not parts:
        kind = what_it_is(root, below, limits)
        wanted = f"it is {kind}" if kind else f"wanted is {LAYOUTS}"
        raise DataError(f"{root}: no annotations of COCO's kind; {wanted}")
    contents = {}
    for split, part in list(parts.items()):
        content = jsons.take(part.file)
        if split == "test" and without_annotations(content):
            voice.warn(
                f"{root / part.file}: lists {len(content['images'])} images without annotations, as test sets do whose "
                "answers are kept back; it is left out, and test comes from val or train"
            )
            reasons[part.file] = "images without annotations"
            del parts[split]
            continue
        contents[split] = check_lists(root / part.file, content)
        if is_predicted(content):
            voice.warn(
                f"{root / part.file}: all {len(content['annotations'])} annotations have a score, as predictions have; "
                f"they are read as what is true of {split}"
            )
    return CocoFiles(base, every, root, below, parts, contents, reasons)


def _root_of_file(file: Path, limits: LimitsConfig) -> tuple[Path, str, Any]:
    """The file's folder; or the one above, if its first images are there and not beside the file (COCO's layout).

    Returns:
        It, the file's path below it, and what is in the file.

    Raises:
        DataError: It cannot be read, is too large, or no JSON.
    """
    content = load_json(file, limits)
    names = image_names(content, _FIRST)
    folder = file.parent
    named = whole(folder)
    if not names or named == named.parent:
        return folder, file.name, content

    def reached(root: Path, path: str) -> bool:
        bases = part_of_file(path, []).bases
        return any(os.path.lexists(root / base / name) for base in bases for name in names)

    path = f"{named.name}/{file.name}"
    above = not reached(folder, file.name) and reached(named.parent, path)
    return (named.parent, path, content) if above else (folder, file.name, content)
