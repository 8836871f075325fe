"""Image files and their labels, as whoever lists a data set gives them; nothing is decoded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from tlbench.config import ImageLimit
from tlbench.data.decode import read_image_file
from tlbench.data.image_kind import FileKind
from tlbench.data.inventory import Inventory
from tlbench.data.label_names import chosen, some
from tlbench.errors import DataError
from tlbench.system.voice import Voice


@dataclass(frozen=True, eq=False)
class Listing:
    """Image files and their labels.

    Args:
        root: The folder that the names are relative to.
        names: N paths below it, `/` between their parts.
        labels: (N,) int64, positions in `class_names`.
        class_names: One name a class.
    """

    root: Path
    names: tuple[str, ...]
    labels: Tensor
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, index: Tensor) -> Listing:
        """The files at (M,) int64 positions, in that order."""
        return Listing(self.root, tuple(self.names[i] for i in index.tolist()), self.labels[index], self.class_names)


@dataclass(frozen=True, eq=False)
class Listed:
    """A data set's listings, and what became of each of its files.

    Args:
        parts: Split → its listing.
        inventory: Of all files.
    """

    parts: dict[str, Listing]
    inventory: Inventory


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


def read_listed(listing: Files, position: int, limit: ImageLimit) -> bytes:
    """The bytes of a listed file.

    Raises:
        UnreadableError: As `read_image_file`.
    """
    return read_image_file(os.path.join(listing.root, listing.names[position]), limit)  # noqa: PTH118 - Paths are slow


def check_same_classes(root: Path, listings: Mapping[str, Listing]) -> None:
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


def _present(listing: Listing) -> list[str]:
    """The classes of which there are images."""
    counts = torch.bincount(listing.labels, minlength=len(listing.class_names)).tolist()
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
