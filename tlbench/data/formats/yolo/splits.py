"""Which image files each split of a YOLO data set has: as a description, lists or folders tell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tlbench.config import LimitsConfig
from tlbench.data.formats.folders.hints import images
from tlbench.data.formats.yolo.darknet import find_darknet, read_darknet
from tlbench.data.formats.yolo.image_files import ImageNames, called, images_below
from tlbench.data.formats.yolo.lists import read_list
from tlbench.data.formats.yolo.split_lists import (
    SplitLists,
    check_unread,
    find_lists,
    find_lists_below,
    listing,
    lists_below,
    lists_in,
    warn_of_unread,
)
from tlbench.data.formats.yolo.texts import CLASS_FILES
from tlbench.data.formats.yolo.yaml import YoloYaml, find_yaml, read_yaml
from tlbench.data.image_kind import kind_of_file
from tlbench.data.image_opening import EXTENSIONS
from tlbench.data.paths import split_of
from tlbench.data.split_names import SPLITS, split_names
from tlbench.errors import DataError
from tlbench.system.folders import entries_of, is_folder
from tlbench.system.voice import SILENT, Voice

LAYOUTS = "images/{train,val,test} with labels/{train,val,test}, {train,val,test}/images, or images with labels"


def unwrapping(root: Path, limits: LimitsConfig) -> list[Path]:
    """A folder, and the only one in it if nothing else there belongs to a data set, and so on inwards."""
    folders = [root]
    while find_yaml(folders[-1], limits) is None and find_darknet(folders[-1]) is None:
        entries = entries_of(folders[-1])
        inner = [entry.name for entry in entries if is_folder(entry)]
        if len(inner) != 1 or inner[0].lower() in ("images", "labels") or split_of(inner[0]):
            break
        files = [entry.path for entry in entries if not is_folder(entry)]
        if any(os.path.basename(file).lower() in CLASS_FILES or kind_of_file(file).read for file in files):  # noqa: PTH119
            break
        folders.append(folders[-1] / inner[0])
    return folders


def find_description(
    file: Path | None, folder: Path, limits: LimitsConfig, voice: Voice
) -> tuple[YoloYaml | None, list[Path]]:
    """Read a description, or that in a folder; and which files that took."""
    file = file or find_yaml(folder, limits)
    if file is not None:
        return read_yaml(file, limits, voice), [file]
    file = find_darknet(folder)
    if file is None:
        return None, []
    described, names = read_darknet(file, limits, voice)
    return described, [file, names]


@dataclass(eq=False)
class FoundSplits:
    """What was found so far.

    Args:
        base: The folder of the data set.
        limits: How large lists may be.
        voice: Speaks to the user.
        descriptions: The files that were read, as in `YoloImages`.
        parts: Split → paths, as in `YoloImages`.
        absent: As in `YoloImages`.
    """

    base: Path
    limits: LimitsConfig
    voice: Voice
    descriptions: list[Path]
    parts: dict[str, list[str]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.images = ImageNames(self.base)

    def lists(self, places: Sequence[Path]) -> tuple[Path, SplitLists] | None:
        """The first of the folders that holds lists of splits, and these."""
        for place in places:
            lists = find_lists(place, self.images, self.limits)
            if lists.splits:
                return place, lists
            warn_of_unread(lists.unread, self.voice)
        return None

    def take_described(self, described: YoloYaml, places: Sequence[Path]) -> None:
        """Take the splits that a description names, which lists beside it must not contradict."""
        for split, entries in described.splits.items():
            self.parts[split] = [path for entry in entries for path in self._images_of(entry)]
        read = {os.path.abspath(file) for file in self.descriptions}  # noqa: PTH100
        files = [file for place in places for file in lists_in(place, self.images, self.limits)]
        self._check([file for file in files if os.path.abspath(file) not in read], f"{described.file} names")  # noqa: PTH100

    def take_listed(self, place: Path, lists: SplitLists, places: Sequence[Path] = ()) -> None:
        """Take the splits that lists below a folder name, which those in other places must not contradict."""
        named = " and ".join(_as_split(place, file, split) for split, file in lists.splits.items())
        self.voice.say(f"{place}: the splits are as {named} {'list' if len(lists.splits) > 1 else 'lists'} them")
        for split, file in lists.splits.items():
            self.parts[split] = self._images_of(file)
        told_by = listing(lists.splits.values())
        self._check(lists.more, told_by, whole=True)
        others = [other for other in places if other != place]
        self._check([file for other in others for file in lists_in(other, self.images, self.limits)], told_by)
        warn_of_unread(lists.unread, self.voice)
        listed = {os.path.abspath(path) for paths in self.parts.values() for path in paths}  # noqa: PTH100
        with suppress(DataError):
            for split, folder in _folders(self.base, SILENT):
                left = [path for path in images_below(folder) if os.path.abspath(path) not in listed]  # noqa: PTH100
                if split not in lists.splits and left:
                    count = f"{images(len(left))} {'is' if len(left) == 1 else 'are'}"
                    self.voice.warn(f"{folder}: {count} in no split, as {told_by} the splits ({left[0]}, …)")

    def take_folders(self) -> None:
        """Take the splits that folders are called after; where none is, those of lists in a folder of their own."""
        folders = _folders(self.base, self.voice)
        if len(folders) == 1:
            lists = find_lists_below(self.base, self.images, self.limits)
            if lists.splits:
                self.take_listed(self.base, lists)
                return
            warn_of_unread(lists.unread, self.voice)
        self.parts = {split: images_below(place) for split, place in folders}
        if len(folders) > 1:
            self._check(lists_below(self.base, self.images, self.limits), "the folders tell")

    def _check(self, files: Sequence[Path], told_by: str, whole: bool = False) -> None:
        check_unread(files, self.parts, told_by, self.images, self.limits, self.voice, whole)

    def _images_of(self, entry: Path) -> list[str]:
        """The image files in a folder, or those that a text file lists."""
        if entry.is_dir():
            return images_below(entry)
        if entry.suffix.lower() in EXTENSIONS:
            return [str(entry)]
        listed = read_list(entry, self.base, self.images, self.limits, self.voice)
        self.descriptions.append(entry)
        self.absent |= listed.absent
        paths = list(dict.fromkeys(listed.paths))
        if len(paths) < len(listed.paths):
            self.voice.say(
                f"{entry}: {len(listed.paths) - len(paths)} lines repeat an image, and each image is taken once"
            )
        return paths


def _as_split(base: Path, file: Path, split: str) -> str:
    """A list's name, and its split where that is not plain."""
    name = str(file.relative_to(base))
    return name if SPLITS.get(file.stem.lower()) == split else f"{name} ({split})"


def _folders(root: Path, voice: Voice) -> list[tuple[str, Path]]:
    """The splits of a folder without a description."""
    for holder in (called(root, "images"), root):
        names = sorted(entry.name for entry in entries_of(holder) if is_folder(entry)) if holder else []
        names = [name for name in names if name.lower() not in ("images", "labels")]
        found = split_names(names)
        if found is None or holder is None:
            continue
        if found.lacks_train:
            held = " and ".join(found.splits)
            raise DataError(f"{holder}: holds {held} but no folder train; wanted is {LAYOUTS}")
        if found.doubtful:
            doubtful = " and ".join(found.doubtful)
            raise DataError(f"{holder}: {doubtful} may be val or test; say in a data.yaml which folders count")
        splits = found.splits
        twice = [name for name, split in splits.items() if list(splits.values()).count(split) > 1]
        if twice:
            raise DataError(f"{holder}: {' and '.join(twice)} are one split; say in a data.yaml which folders count")
        others = [name for name in names if name not in splits and name not in found.unlabelled]
        if others and holder != root:
            raise DataError(
                f"{holder}: holds {', '.join(splits)} and other folders ({', '.join(others[:4])}); say in a data.yaml "
                "which folders count"
            )
        otherwise = [f"{name} as {split}" for name, split in splits.items() if split_of(name) != split]
        if otherwise:
            voice.say(f"{holder}: read as splits: {', '.join(otherwise)}")
        return [(split, called(holder / name, "images") or holder / name) for name, split in splits.items()]
    return [("train", called(root, "images") or root)]
