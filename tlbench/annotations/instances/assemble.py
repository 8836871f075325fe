"""From objects as annotations have them to a listing: boxes clipped to their images, those without area left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from tlbench.annotations.instances.crowds import Crowds
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.shapes import Shapes
from tlbench.data.listing import Listing
from tlbench.data.ragged import starts_of
from tlbench.system.voice import Voice

CLIPPED = "boxes clipped to the image"
WITHOUT_AREA = "boxes without area left out"

_ROUNDING = 0.5  # pixels that a box may stand out of its image before it counts as clipped


@dataclass(eq=False)
class Mended:
    """What was found in annotations and mended: kind → the image's name and the place, in order."""

    places: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, kind: str, image: str, place: str) -> None:
        """Note one."""
        self.places.setdefault(kind, []).append((image, place))

    def of(self, names: Sequence[str]) -> dict[str, tuple[tuple[str, str], ...]]:
        """Those in some images, as `Listing.mended` has them."""
        there = set(names)
        kept = {kind: tuple(pair for pair in found if pair[0] in there) for kind, found in self.places.items()}
        return {kind: found for kind, found in kept.items() if found}

    def tell(self, voice: Voice) -> None:
        """Warn of each kind once, with its count and first places."""
        for kind, found in self.places.items():
            places = ", ".join(place for _, place in found[:3])
            voice.warn(f"{len(found)} {kind} ({places}{', …' if len(found) > 3 else ''})")


def assemble(
    root: Path,
    names: Sequence[str],
    sizes: Tensor,
    boxes: Tensor,
    labels: Tensor,
    images: Tensor,
    class_names: Sequence[str],
    place: Callable[[int], str],
    mended: Mended,
    crowd: Tensor | None = None,
    shapes: Shapes | None = None,
) -> Listing[Instances]:
    """Make a listing of objects in any order.

    Args:
        root: The folder that the names are relative to.
        names: N image files.
        sizes: (N, 2) int64, height and width, pixels; zeros where the file is unreadable.
        boxes: (M, 4) float64, `x1 y1 x2 y2` in pixels, perhaps partly outside of the image.
        labels: (M,) int64.
        images: (M,) int64, which of the N images each object lies in.
        class_names: C names.
        place: Where an object (0 … M - 1) stands in the annotations.
        mended: Gets what is clipped or left out.
        crowd: (M,) bool, which are crowds and no objects; None: there are none.
        shapes: Of the M objects, in the pixels of their boxes; None: they are not kept.
    """
    limits = sizes.flip(1).repeat(1, 2)[images]
    outside = ((boxes < -_ROUNDING) | (boxes > limits + _ROUNDING)).any(1)
    clipped = torch.minimum(boxes.clamp(min=0), limits.to(boxes.dtype)).float()
    area = (clipped[:, 2:] > clipped[:, :2]).all(1)
    readable = limits.all(1)  # what cannot be read is left out with its boxes, and told of as such
    for kind, which in ((CLIPPED, outside & area), (WITHOUT_AREA, ~area & readable)):
        for row in torch.nonzero(which).flatten().tolist():
            mended.add(kind, names[int(images[row])], place(row))
    kept, starts = _by_image(area if crowd is None else area & ~crowd, images, len(names))
    crowds = None
    if crowd is not None and (area & crowd).any():
        regions, starts_of_crowds = _by_image(area & crowd, images, len(names))
        of_crowds = None if shapes is None else shapes.take(regions)
        crowds = Crowds(clipped[regions], labels[regions], starts_of_crowds, of_crowds)
    own = None if shapes is None else shapes.take(kept)
    instances = Instances(clipped[kept], labels[kept], starts, tuple(class_names), sizes, sizes, crowds, own)
    return Listing(root, tuple(names), instances, mended.of(names))


def _by_image(chosen: Tensor, images: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The chosen rows, image by image, and where those of each begin."""
    rows = torch.nonzero(chosen).flatten()
    rows = rows[torch.argsort(images[rows], stable=True)]
    return rows, starts_of(torch.bincount(images[rows], minlength=count))
