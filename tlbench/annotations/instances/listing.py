"""The image files of a split and the objects in them; nothing is decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from tlbench.annotations.instances.crowds import Crowds, joined_crowds
from tlbench.annotations.instances.ragged import objects_of, starts_of


@dataclass(frozen=True, eq=False)
class BoxListing:
    """N image files with M objects; the objects of image i are those at `starts[i]` up to `starts[i + 1]`.

    Args:
        root: The folder that the names are relative to.
        names: N image files, below `root`, with `/`.
        sizes: (N, 2) int64, height and width in pixels, after a rotation that EXIF asks for.
        boxes: (M, 4) float32, `x1 y1 x2 y2` in pixels of the image, inside of it, `x1 < x2` and `y1 < y2`.
        labels: (M,) int64, positions in `class_names`.
        starts: (N + 1,) int64, from 0 to M.
        class_names: C names.
        crowds: Regions of crowds in the images, in their pixels; None where the labels have none.
        mended: What was found in the labels and mended (`boxes clipped to the image`, …) → where, as `file:line`.
    """

    root: Path
    names: tuple[str, ...]
    sizes: Tensor
    boxes: Tensor
    labels: Tensor
    starts: Tensor
    class_names: tuple[str, ...]
    mended: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    crowds: Crowds | None = None

    def __len__(self) -> int:
        return len(self.names)

    def objects(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The objects of some images.

        Args:
            index: (K,) int64 positions of images.

        Returns:
            Positions of the objects (J,) and, for each, which of the K images it lies in (J,), ascending.
        """
        return objects_of(self.starts, index)

    def take(self, index: Tensor) -> BoxListing:
        """The images at these positions, (K,) int64, in that order."""
        rows, images = self.objects(index)
        counts = torch.bincount(images, minlength=len(index))
        return replace(
            self,
            names=tuple(self.names[i] for i in index.tolist()),
            sizes=self.sizes[index],
            boxes=self.boxes[rows],
            labels=self.labels[rows],
            starts=starts_of(counts),
            crowds=None if self.crowds is None else self.crowds.take(index),
        )


def joined(listings: Sequence[BoxListing]) -> BoxListing:
    """The images of several listings of one root and equal classes, one after another."""
    first = listings[0]
    counts = torch.cat([listing.starts.diff() for listing in listings])
    return replace(
        first,
        names=tuple(name for listing in listings for name in listing.names),
        sizes=torch.cat([listing.sizes for listing in listings]),
        boxes=torch.cat([listing.boxes for listing in listings]),
        labels=torch.cat([listing.labels for listing in listings]),
        starts=starts_of(counts),
        crowds=joined_crowds([(len(listing), listing.crowds) for listing in listings]),
    )
