"""Regions of images where objects stand too close to be told apart, as COCO marks them (`iscrowd`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tlbench.annotations.instances.shapes import Shapes, joined_shapes
from tlbench.data.ragged import objects_of, starts_of


@dataclass(frozen=True, eq=False)
class Crowds:
    """K regions in N images; those of image i are at `starts[i]` up to `starts[i + 1]`.

    They are no objects: nothing is learned from them, and what is detected in them counts neither way.

    Args:
        boxes: (K, 4) float32, `x1 y1 x2 y2` in the pixels of the objects beside them.
        labels: (K,) int64, the class of what is in them.
        starts: (N + 1,) int64, from 0 to K.
        shapes: Of the K regions; None where they were not asked for.
    """

    boxes: Tensor
    labels: Tensor
    starts: Tensor
    shapes: Shapes | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Tensor) -> Crowds:
        """Those of the images at (J,) int64 positions, in that order."""
        rows, images = objects_of(self.starts, index)
        starts = starts_of(torch.bincount(images, minlength=len(index)))
        shapes = None if self.shapes is None else self.shapes.take(rows)
        return Crowds(self.boxes[rows], self.labels[rows], starts, shapes)

    def renumbered(self, numbers: Tensor) -> Crowds:
        """Those of the classes c with `numbers[c]` ≥ 0, (C,) int64, which then is their label."""
        labels = numbers[self.labels]
        kept = labels >= 0
        before = torch.cat([torch.zeros(1, dtype=torch.int64), kept.cumsum(0)])
        shapes = None if self.shapes is None else self.shapes.take(torch.nonzero(kept).flatten())
        return Crowds(self.boxes[kept], labels[kept], before[self.starts], shapes)

    def to(self, device: torch.device | str) -> Crowds:
        """The same on a device."""
        moved: dict[str, Any] = {name: part.to(device) for name, part in vars(self).items() if part is not None}
        return replace(self, **moved)


def joined_crowds(parts: list[tuple[int, Crowds | None]]) -> Crowds | None:
    """Of several sets of images (how many, and their crowds) those of all, one set after another; None of none."""
    some = [crowds for _, crowds in parts if crowds is not None]
    if not some:
        return None
    counts = [
        torch.zeros(images, dtype=torch.int64) if crowds is None else crowds.starts.diff() for images, crowds in parts
    ]
    return Crowds(
        torch.cat([crowds.boxes for crowds in some]),
        torch.cat([crowds.labels for crowds in some]),
        starts_of(torch.cat(counts)),
        joined_shapes([(len(crowds), crowds.shapes) for crowds in some]),
    )
