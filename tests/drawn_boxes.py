"""Small sets of images with boxes, in memory, with exact contents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from tlbench.annotations.instances.instances import Instances
from tlbench.config.size import Size, size_of
from tlbench.data.samples import MemorySamples
from tlbench.geometry.fits import GREY, inside_size

SIZES = ((48, 96), (90, 90), (100, 40), (61, 97), (33, 64))


def box_images(
    size: int | Size = 64,
    sizes: Sequence[tuple[int, int]] = SIZES,
    objects: Sequence[int] = (3, 0, 5, 1, 4),
    seed: int = 0,
) -> MemorySamples[Instances]:
    """Smooth random images and boxes, some of them small.

    Args:
        size: Of the stored images: a square's side, or height and width.
        sizes: Height and width of the originals.
        objects: How many objects each image has.
        seed: Of the contents.
    """
    stored = size_of(size)
    generator = torch.Generator().manual_seed(seed)
    inside = torch.tensor([inside_size(h, w, stored) for h, w in sizes])
    images = torch.full((len(sizes), 3, *stored), GREY, dtype=torch.uint8)
    boxes = []
    for i, ((height, width), count) in enumerate(zip(inside.tolist(), objects, strict=True)):
        coarse = 255 * torch.rand(1, 3, 3, 4, generator=generator)
        images[i, :, :height, :width] = F.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)[0]
        corner = torch.rand(count, 2, generator=generator) * 0.8
        extent = (1 - corner) * torch.rand(count, 2, generator=generator).clamp(min=0.05)
        boxes.append(torch.cat([corner, corner + extent], dim=1) * torch.tensor([width, height, width, height]))
    counts = torch.tensor(list(objects))
    instances = Instances(
        boxes=torch.cat(boxes),
        labels=torch.arange(int(counts.sum())) % 3,
        starts=F.pad(counts.cumsum(0), (1, 0)),
        class_names=("a", "b", "c"),
        sizes=torch.tensor(list(sizes)),
        inside=inside,
    )
    return MemorySamples(
        images,
        instances,
        names=tuple(f"{i}.png" for i in range(len(sizes))),
        digests=np.zeros((len(sizes), 16), np.uint8),
        thumbnails=torch.zeros(len(sizes), 3, 8, 8, dtype=torch.uint8),
    )
