"""Image files and what is known of them, as whoever lists a data set gives them; nothing is decoded."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from tlbench.config import ImageLimit
from tlbench.data.annotations import Annotations
from tlbench.data.image_kind import FileKind
from tlbench.data.image_opening import read_image_file
from tlbench.data.inventory import Inventory
from tlbench.data.label_names import chosen, some
from tlbench.errors import DataError
from tlbench.system.voice import Voice

if TYPE_CHECKING:
    from typing_extensions import Self  # typing's from Python 3.11 on


A = TypeVar("A", bound=Annotations)


class Takeable(Protocol):
    """Something in a row."""

    def __len__(self) -> int:
        """How many."""

    def take(self, index: Tensor) -> Self:
        """Those at (M,) int64 positions, in that order."""


@dataclass(frozen=True, eq=False)
class Listing(Generic[A]):
    """Image files and what is known of them.

    Args:
        root: The folder that the names are relative to.
        names: N paths below it, `/` between their parts.
        annotations: Of the N files.
        mended: What was found in the annotations and mended (`boxes clipped to the image`, …) → the name of the file
            and the place, such as `file:line`, of each.
    """

    root: Path
    names: tuple[str, ...]
    annotations: A
    mended: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class, in the order of the labels."""
        return self.annotations.class_names

    def __len__(self) -> int:
        return len(self.names)

    def take(self, index: Tensor) -> Listing[A]:
        """The files at (M,) int64 positions, in that order."""
        names = tuple(self.names[i] for i in index.tolist())
        return Listing(self.root, names, self.annotations.take(index), _of_names(self.mended, names))

    def chosen(self, wanted: Sequence[str]) -> Listing[A]:
        """The files that some classes leave, as `Annotations.chosen`.

        Raises:
            DataError: A class does not exist.
        """
        kept, annotations = self.annotations.chosen(wanted)
        return taken(self, kept).under(annotations)

    def under(self, annotations: A) -> Listing[A]:
        """The same files with other annotations."""
        return replace(self, annotations=annotations)


T = TypeVar("T", bound=Takeable)


def taken(some: T, index: Tensor) -> T:
    """What is at (M,) int64 positions, without a copy where that is all there is."""
    return some if torch.equal(index, torch.arange(len(some))) else some.take(index)


def joined(listings: Iterable[Listing[A]]) -> Listing[A]:
    """The files of several listings of one root and equal classes, one after another."""
    parts = list(listings)
    names = tuple(name for part in parts for name in part.names)
    kinds = dict.fromkeys(kind for part in parts for kind in part.mended)
    mended = {kind: tuple(found for part in parts for found in part.mended.get(kind, ())) for kind in kinds}
    whole = parts[0].annotations.joined([part.annotations for part in parts])
    return Listing(parts[0].root, names, whole, mended)


def divided(
    whole: Listing[A], parts: Mapping[str, Sequence[str]], unreadable: Collection[int] = ()
) -> dict[str, Listing[A]]:
    """Divide a listing of all files into the parts that follow one another in it.

    Args:
        whole: The files of all parts, in their order.
        parts: Part → the names of its files.
        unreadable: Positions in `whole` that are left out.
    """
    found, start = {}, 0
    for part, names in parts.items():
        kept = [i for i in range(start, start + len(names)) if i not in unreadable]
        found[part] = whole.take(torch.tensor(kept, dtype=torch.int64))
        start += len(names)
    return found


def _of_names(mended: Mapping[str, Sequence[tuple[str, str]]], names: Sequence[str]) -> dict[str, Any]:
    if not mended:
        return {}
    there = set(names)
    kept = {kind: tuple(pair for pair in found if pair[0] in there) for kind, found in mended.items()}
    return {kind: found for kind, found in kept.items() if found}


@dataclass(frozen=True, eq=False)
class Listed(Generic[A]):
    """The parts that a data set comes in, before it is decided which files are train, val and test.

    Args:
        parts: `train`, and `val` and `test` where the data set has them, without the unreadable files.
        inventory: What became of each file below the root; None where it is not taken.
        named: What the parts are called in the rule of the splits: `official`, `the folder's`.
        unreadable: Name of each file that is known to be unreadable → the reason.
        unlabelled: Names of the images that no label file and no entry of annotations belongs to.
        frames: Whether the images are frames of videos.
    """

    parts: Mapping[str, Listing[A]]
    inventory: Inventory | None = None
    named: str = "the folder's"
    unreadable: Mapping[str, str] = field(default_factory=dict)
    unlabelled: frozenset[str] = frozenset()
    frames: bool = False

    @property
    def root(self) -> Path:
        """The folder that the names are relative to."""
        return self.parts["train"].root


class Files(Protocol):
    """Image files below a folder, whatever their labels are."""

    @property
    def root(self) -> Path:
        """The folder that the names are relative to."""

    @property
    def names(self) -> tuple[str, ...]:
        """N paths below it, `/` between their parts."""

    def __len__(self) -> int:
        """N."""


@dataclass(frozen=True)
class FileNames:
    """`Files` and nothing else: what workers need to know of a listing."""

    root: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


def read_listed(listing: Files, position: int, limit: ImageLimit) -> bytes:
    """The bytes of a listed file.

    Raises:
        UnreadableError: As `read_image_file`.
    """
    return read_image_file(os.path.join(listing.root, listing.names[position]), limit)  # noqa: PTH118 - Paths are slow


def check_same_classes(root: Path, listings: Mapping[str, Listing[Any]]) -> None:
    """Refuse splits whose classes differ from those of `train`.

    Raises:
        DataError: They do.
    """
    there = {split: _present(listing) for split, listing in listings.items()}
    for split, names in there.items():
        lacking = [name for name in there["train"] if name not in names]
        unknown = [name for name in names if name not in there["train"]]
        if lacking or unknown:
            both = [name for name in there["train"] if name in names]
            where = {f"in train, but not in {split}": lacking, f"in {split}, but not in train": unknown}
            differing = "; ".join(f"{place}: {some(classes)}" for place, classes in where.items() if classes)
            leave_out = f", choose {chosen(both)}" if len(both) > 1 else ""
            raise DataError(
                f"{root}: train and {split} must have images of the same classes; {differing}; add images{leave_out}, "
                f"or do without {split}, which is then carved out of train"
            )


def _present(listing: Listing[Any]) -> list[str]:
    """The classes of which there are images."""
    counts = torch.bincount(listing.annotations.labels, minlength=len(listing.class_names)).tolist()
    return [name for name, count in zip(listing.class_names, counts, strict=True) if count]


def warn_of_unread(
    root: Path, left_out: Mapping[str, str], kinds: Iterable[tuple[str, FileKind]], voice: Voice
) -> None:
    """Tell of images that are of kinds that are not read.

    Args:
        root: Where they lie.
        left_out: Name → reason.
        kinds: Name and kind of each file.
        voice: Speaks to the user.
    """
    by_kind: dict[str, list[str]] = {}
    for name, kind in kinds:
        if name in left_out and kind.image:
            by_kind.setdefault(kind.reason, []).append(name)
    for reason, names in by_kind.items():
        voice.warn(f"{root}: {len(names)} × {reason} ({some(names, 2)}); convert to PNG or JPEG what is to be used")


def natural_order(name: str) -> tuple[Sequence[Any], str]:
    """A key to sort by: digits compare as numbers; `01.jpg` and `1.jpg` then by their characters."""
    parts: list[Any] = re.split(r"(\d+)", name)
    parts[1::2] = [int(digits) for digits in parts[1::2]]
    return parts, name
