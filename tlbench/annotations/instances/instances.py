"""The objects in images: boxes with a label each, and where they are asked for their shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from tlbench.annotations.instances.crowds import Crowds, joined_crowds
from tlbench.annotations.instances.shapes import Shapes, joined_shapes
from tlbench.config.data import Fit
from tlbench.config.size import Size
from tlbench.data.annotations import Annotations
from tlbench.data.carve_options import class_numbers, wanted_classes
from tlbench.data.ragged import objects_of, starts_of
from tlbench.geometry.fits import inside_size


@dataclass(frozen=True, eq=False)
class Instances(Annotations):
    """M objects in N images; the objects of image i are those at `starts[i]` up to `starts[i + 1]`.

    Args:
        boxes: (M, 4) float32, `x1 y1 x2 y2` in pixels of the image as it is kept, inside of it.
        labels: (M,) int64, positions in `class_names`.
        starts: (N + 1,) int64, from 0 to M.
        class_names: C names.
        sizes: (N, 2) int64, height and width of the images as they are in the data set, upright, pixels.
        inside: (N, 2) int64, likewise of the images as they are kept: as they are, or resized.
        crowds: Regions of crowds, in the same pixels; None where the data set has none.
        shapes: Of the M objects, in the same pixels; None where they were not asked for.
    """

    by_file: ClassVar[bool] = True
    thumbnail_fit: ClassVar[Fit | None] = "corner"
    thumbnail: ClassVar[int] = 64

    boxes: Tensor
    labels: Tensor
    starts: Tensor
    class_names: tuple[str, ...]
    sizes: Tensor
    inside: Tensor
    crowds: Crowds | None = None
    shapes: Shapes | None = None

    def __len__(self) -> int:
        return len(self.sizes)

    def objects(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The objects of some images.

        Args:
            index: (K,) int64 positions of images.

        Returns:
            Positions of the objects (J,) and, for each, which of the K images it lies in (J,), ascending.
        """
        return objects_of(self.starts, index)

    def owners(self) -> Tensor:
        """(M,) int64, ascending: the image that each object lies in."""
        return owners_of(self.starts)

    def take(self, index: Tensor) -> Instances:
        """As in `Annotations`."""
        rows, images = self.objects(index)
        return replace(
            self,
            boxes=self.boxes[rows],
            labels=self.labels[rows],
            starts=starts_of(torch.bincount(images, minlength=len(index))),
            sizes=self.sizes[index],
            inside=self.inside[index],
            crowds=None if self.crowds is None else self.crowds.take(index),
            shapes=None if self.shapes is None else self.shapes.take(rows),
        )

    def chosen(self, wanted: Sequence[str]) -> tuple[Tensor, Instances]:
        """As in `Annotations`: all images stay, and the objects of other classes go."""
        numbers = class_numbers(self.class_names, wanted)
        labels = numbers[self.labels]
        kept = labels >= 0
        before = torch.cat([torch.zeros(1, dtype=torch.int64), kept.cumsum(0)])
        return torch.arange(len(self)), replace(
            self,
            boxes=self.boxes[kept],
            labels=labels[kept],
            starts=before[self.starts],
            class_names=wanted_classes(self.class_names, wanted),
            crowds=None if self.crowds is None else self.crowds.renumbered(numbers),
            shapes=None if self.shapes is None else self.shapes.take(torch.nonzero(kept).flatten()),
        )

    @classmethod
    def joined(cls, parts: Sequence[Instances]) -> Instances:
        """As in `Annotations`."""
        return replace(
            parts[0],
            boxes=torch.cat([part.boxes for part in parts]),
            labels=torch.cat([part.labels for part in parts]),
            starts=starts_of(torch.cat([part.starts.diff() for part in parts])),
            sizes=torch.cat([part.sizes for part in parts]),
            inside=torch.cat([part.inside for part in parts]),
            crowds=joined_crowds([(len(part), part.crowds) for part in parts]),
            shapes=joined_shapes([(len(part.labels), part.shapes) for part in parts]),
        )

    def to(self, device: torch.device | str) -> Instances:
        """As in `Annotations`."""
        moved: dict[str, Any] = {
            name: part.to(device) for name, part in vars(self).items() if isinstance(part, Tensor | Crowds | Shapes)
        }
        return replace(self, **moved)

    def present(self) -> Tensor:
        """As in `Annotations`."""
        found = torch.zeros(len(self), len(self.class_names), dtype=torch.bool)
        found[torch.repeat_interleave(torch.arange(len(self)), self.starts.diff()), self.labels] = True
        return found

    def hashed(self) -> Iterator[bytes | Tensor]:
        """As in `Annotations`: boxes and regions as they are kept; not their shapes, which detection does not see."""
        yield from (self.sizes, self.boxes, self.labels, self.starts)
        if self.crowds is not None and len(self.crowds):
            yield b"crowds"
            yield from (self.crowds.boxes, self.crowds.labels, self.crowds.starts)

    def resized(self, size: Size) -> Instances:
        """As in `Annotations`: images lie in the top left corners."""
        inside = torch.tensor([inside_size(h, w, size) for h, w in self.sizes.tolist()], dtype=torch.int64).view(-1, 2)
        factor = (inside.double() / self.inside).flip(1)
        crowds = self.crowds
        if crowds is not None:
            boxes, of_crowds = _resized(crowds.boxes, crowds.shapes, crowds.starts, factor)
            crowds = replace(crowds, boxes=boxes, shapes=of_crowds)
        boxes, shapes = _resized(self.boxes, self.shapes, self.starts, factor)
        return replace(self, boxes=boxes, inside=inside, crowds=crowds, shapes=shapes)


def owners_of(starts: Tensor) -> Tensor:
    """(M,) int64, ascending: the image of each row."""
    return torch.repeat_interleave(torch.arange(len(starts) - 1), starts.diff())


def _resized(boxes: Tensor, shapes: Shapes | None, starts: Tensor, factor: Tensor) -> tuple[Tensor, Shapes | None]:
    of_objects = factor[owners_of(starts)]
    resized = (boxes.double().view(-1, 2, 2) * of_objects[:, None]).view(-1, 4).float()
    return resized, None if shapes is None else shapes.scaled(of_objects)
