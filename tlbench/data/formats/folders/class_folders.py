"""Images in a folder per class, with or without folders of splits above them; nothing is decoded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from tlbench.annotations.labels.labels import Labels
from tlbench.config import STANDARD_LIMITS, LimitsConfig
from tlbench.data.carve_options import matching_classes, wanted_classes
from tlbench.data.file_tree import FileTree, Folder, read_tree
from tlbench.data.formats.folders.hints import images, is_copy, only_folder_in
from tlbench.data.formats.folders.levels import check_level, no_classes, warn_of_deep
from tlbench.data.formats.folders.splits import Classes, check_labelled, name_alike
from tlbench.data.image_kind import ending_of
from tlbench.data.image_opening import EXTENSIONS
from tlbench.data.inventory import take_inventory
from tlbench.data.label_names import chosen, merged_labels, shown, some, warn_of_lookalikes
from tlbench.data.listing import Listed, Listing, check_same_classes, natural_order, warn_of_unread
from tlbench.data.split_names import split_name, split_names
from tlbench.errors import DataError, short
from tlbench.system.voice import PRINTING, Voice

_WANTED = "wanted are train/<class>/* and, if there are such, val/<class>/* and test/<class>/*, or <class>/* alone"
_ROOT = "a folder with one folder of images a class"
_ORDER = ("train", "val", "test")

_UNLABELLED = re.compile(r"[_-]*(un-?label+ed|no[_ -]?labels?)[_-]*")
"""FiftyOne's and Datumaro's folders of images that nobody has labelled."""


def list_splits(
    root: Path,
    limits: LimitsConfig = STANDARD_LIMITS,
    classes: Sequence[str] | None = None,
    voice: Voice = PRINTING,
) -> Listed[Labels]:
    """List `root/{train,val,test}/<class>/…`, or `root/<class>/…` without folders of splits.

    Splits may be called otherwise (`Training`, `seg_test`, `val2017`, …), and all may lie in a single folder below the
    root. What is read otherwise than it is written is said, images that are left out are warned of.

    Args:
        root: The folder.
        limits: How many classes there may be.
        classes: The classes to list; None: all. Folders that are named here are classes, whatever their names.
        voice: Speaks to the user.

    Returns:
        The splits that have a folder of their own (`train` always); all images as `train` where none has.

    Raises:
        DataError: No such folder, a split's folder without `train`, no class folders, a class without images, splits
            with different classes, or folders whose meaning cannot be known.
    """
    tree = read_tree(root, _ROOT)
    return _Reader(root, tree, limits, classes, voice).read()


def list_classes(root: Path, below: str = "", limits: LimitsConfig = STANDARD_LIMITS) -> Listing[Labels]:
    """List `root/below/<class>/…`, at any depth, in an order that does not depend on the file system.

    Classes are sorted by name, files naturally (`2.jpg` before `10.jpg`); hidden files and other kinds are ignored.

    Raises:
        DataError: No such folder, no class folders in it, or a class folder without images.
    """
    tree = read_tree(root / below, _ROOT)
    if not tree.top.folders:
        raise DataError(f"{root / below}: no class folders in it; wanted is one folder of images a class")
    listed = _listing(tree.top, {name: [folder] for name, folder in tree.top.folders.items()}, limits)
    prefix = f"{below}/" if below else ""
    return Listing(root, tuple(f"{prefix}{name}" for name in listed.names), listed.annotations)


def _listing(folder: Folder, classes: Classes, limits: LimitsConfig) -> Listing[Labels]:
    """The images of the classes below a folder.

    Raises:
        DataError: More classes than allowed, or one without images.
    """
    limits.check_classes(folder.path, len(classes))
    names, counts = [], []
    for _, folders in sorted(classes.items()):
        found = [name for of in folders for name in _in_order(of)]
        if not found:
            raise DataError(
                f"{folders[0].path}: no images in this class folder ({folders[0].contents()}); add some or remove the "
                "folder"
            )
        names += found
        counts.append(len(found))
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return Listing(folder.root, tuple(names), Labels(labels, tuple(sorted(classes))))


def _in_order(folder: Folder) -> list[str]:
    start = len(folder.below)
    return sorted(folder.images(), key=lambda name: natural_order(name[start:]))


@dataclass
class _Reader:
    root: Path
    tree: FileTree
    limits: LimitsConfig
    wanted: Sequence[str] | None
    voice: Voice
    left_out: dict[str, str] = field(default_factory=dict)

    def read(self) -> Listed[Labels]:
        top = self._unwrapped(self.tree.top)
        splits = None if self._named(top) else self._split_folders(top)
        if splits is None:
            found = {"train": self._classes(top)}
        else:
            found = {split: self._classes(self._unwrapped(splits[split]), split) for split in _ORDER if split in splits}
            check_labelled(splits, found, self.root)
            name_alike(found, self.root, self.voice)
        wanted = {split: self._chosen(classes, found["train"]) for split, classes in found.items()}
        listings = {split: _listing(self.tree.top, classes, self.limits) for split, classes in wanted.items()}
        if len(listings["train"].class_names) < 2:
            name = listings["train"].class_names[0]
            place = (splits["train"] if splits else top).path
            raise DataError(f"{place}: only the class {name!r} in it; wanted are two class folders or more")
        check_same_classes(self.root, listings)
        warn_of_lookalikes(str(self.root), listings["train"].class_names, self.voice)
        names = [name for listing in listings.values() for name in listing.names]
        reasons = self.tree.reasons()
        warn_of_unread(self.root, reasons, self.tree.top.names(), self.voice)
        return Listed(
            listings, take_inventory(self.root, self.tree.all_files(), {"images": names}, reasons | self.left_out)
        )

    # ---- where the classes are

    def _unwrapped(self, folder: Folder) -> Folder:
        """The folder below that holds the classes or splits, where single folders are wrapped around it."""
        inner = folder
        self._check_links(inner)
        while (only := only_folder_in(inner)) is not None:
            name = split_name(only.name)
            if self._named(inner) or (name and not name.rest and inner is self.tree.top):
                break
            self._leave_out_images_of(inner, "beside the folder of all others")
            inner = only
            self._check_links(inner)
        if inner is not folder and not split_name(inner.name):
            where = inner.below[len(folder.below) :]
            self.voice.say(f"{folder.path}: the images lie in {where}, the only folder of images in it")
        return inner

    def _named(self, folder: Folder) -> bool:
        """Whether `data.classes` names folders here, so that they are classes."""
        return bool(self.wanted) and None not in matching_classes(list(folder.folders), self.wanted or ()).values()

    def _check_links(self, folder: Folder) -> None:
        """Refuse links that lead nowhere where folders of classes or splits lie, as those that they led to would lack.

        Those with an image's ending are images that lack, which the scan counts.
        """
        for file in [] if self._named(folder) else folder.files:
            place = folder.path / file
            may_be_folder = ending_of(file) not in EXTENSIONS and folder.kinds[file].read
            if may_be_folder and place.is_symlink() and not place.exists():
                raise DataError(
                    f"{place}: a link that leads nowhere ({short(str(place.readlink()))}), perhaps once to a folder of "
                    "images; mend or remove it"
                )

    def _split_folders(self, top: Folder) -> dict[str, Folder] | None:
        """Split → its folder; None where the folders are classes."""
        found = split_names(list(top.folders))
        as_classes = f"or, where they are classes, name all of them: {chosen(top.folders)}"
        if found is None:
            if len(top.folders) > 1 and all(map(split_name, top.folders)):
                raise DataError(
                    f"{top.path}: its folders ({some(sorted(top.folders))}) are named like splits, not like classes; "
                    f"rename them to train, val and test, {as_classes}"
                )
            return None
        held = " and ".join(sorted(found.splits))
        if found.lacks_train:
            raise DataError(f"{top.path}: holds {held} but no folder train; {_WANTED}; {as_classes}")
        if found.doubtful:
            raise DataError(
                f"{top.path}: {' and '.join(found.doubtful)} may be val or test; rename it to one of them, {as_classes}"
            )
        known = {*found.splits, *found.unlabelled}
        others = [folder for folder in top.with_images() if folder.name not in known]
        others = self._without_copies(others, [top.folders[name] for name in found.splits])
        if others:
            raise DataError(
                f"{top.path}: holds {', '.join(found.splits)} and other folders "
                f"({some([folder.name for folder in others])}); give a folder that holds either splits or classes, "
                f"{as_classes}"
            )
        twice = [name for name, split in found.splits.items() if list(found.splits.values()).count(split) > 1]
        if twice:
            raise DataError(f"{top.path}: {' and '.join(sorted(twice))} are one split; join them in one folder")
        for name in found.unlabelled:
            self._leave_out(top.folders[name], "without labels", f"its name says that there are no labels in {name}")
        self._leave_out_images_of(top, "beside the folders of splits")
        otherwise = [f"{name} as {split}" for name, split in found.splits.items() if name != split]
        if otherwise:
            self.voice.say(f"{top.path}: read as splits: {', '.join(otherwise)}")
        return {split: top.folders[name] for name, split in found.splits.items()}

    def _classes(self, folder: Folder, split: str | None = None) -> Classes:
        """The class folders of a folder."""
        folders = [inner for _, inner in sorted(folder.folders.items())]
        if not folder.with_images() and (folder.has_own_images or not folders):
            raise no_classes(folder, split, self.root)
        if self._named(folder):
            self._leave_out_images_of(folder, "beside the class folders")
            return {folder_.name: [folder_] for folder_ in folders}
        if split and len(folders) > 1 and all(map(split_name, folder.folders)):
            raise DataError(
                f"{folder.path}: its folders ({some(sorted(folder.folders))}) are named like splits, within a folder "
                f"that is one; {_WANTED}"
            )
        self._leave_out_images_of(folder, "beside the class folders")
        for name in [name for name in folder.folders if _UNLABELLED.fullmatch(name.casefold())]:
            self._leave_out(folder.folders[name], "without labels", "its name says that its images have no labels")
            folders.remove(folder.folders[name])
        kept = self._without_copies(folders, folders)
        check_level(folder, kept)
        warn_of_deep(folder, kept, self.voice)
        merged = merged_labels({f.name: len(f.images()) for f in kept})
        classes: Classes = {}
        for of in sorted(kept, key=lambda f: f.name):
            name = merged[of.name]
            if name != of.name:
                self.voice.say(f"{folder.path}: '{shown(of.name, name)}' and {name!r} are one class")
            classes.setdefault(name, []).append(of)
        return classes

    # ---- which of them

    def _chosen(self, classes: Classes, train: Classes) -> Classes:
        """Those of `data.classes`; the images of the others are left out."""
        if self.wanted is None:
            return classes
        wanted = wanted_classes(list(train), self.wanted)
        for name, folders in classes.items():
            if name not in wanted:
                for folder in folders:
                    self.left_out |= dict.fromkeys(folder.images(), "of a class that is not in data.classes")
        return {name: folders for name, folders in classes.items() if name in wanted}

    def _without_copies(self, folders: Sequence[Folder], siblings: Sequence[Folder]) -> list[Folder]:
        """The folders without those that hold their siblings once more.

        Raises:
            DataError: One holds folders of the siblings' names, but other files.
        """
        kept = []
        for folder in folders:
            others = [other for other in siblings if other is not folder and other.has_images]
            within = {inner.name: inner for inner in folder.with_images()}
            if len(others) < 2 or not all(other.name in within for other in others):
                kept.append(folder)
            elif all(is_copy(other, within[other.name]) for other in others):
                self._leave_out(folder, "a copy of the folders beside it", "it holds the folders beside it once more")
            else:
                raise DataError(
                    f"{folder.path}: holds folders of the same names as those beside it "
                    f"({some([other.name for other in others])}), but not the same images; remove it or what it repeats"
                )
        return kept

    def _leave_out(self, folder: Folder, reason: str, why: str) -> None:
        left_out = folder.images()
        self.left_out |= dict.fromkeys(left_out, reason)
        self.voice.warn(f"{folder.path}: {why}; {images(len(left_out))} left out")

    def _leave_out_images_of(self, folder: Folder, reason: str) -> None:
        left_out = [f"{folder.below}{file}" for file, kind in folder.kinds.items() if kind.read]
        self.left_out |= dict.fromkeys(left_out, reason)
        if left_out:
            named = some(left_out, 2)
            self.voice.warn(f"{folder.path}: images {reason} have no label: {len(left_out)} left out ({named})")
