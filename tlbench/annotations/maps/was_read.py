"""What was read of images with class maps."""

from __future__ import annotations

import torch

from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.data.describe_read import was_read
from tlbench.data.target import Target
from tlbench.data.was_read import MapsRead, WasRead


def maps_read(task: str, target: Target[ClassMaps]) -> WasRead:
    """As `was_read`, where a split's classes count the images that contain them; with the pixels of all splits."""
    read = was_read(task, target)
    found = [split.annotations for split in target.splits.values()]
    counts = torch.cat([maps.counts for maps in found])
    total = int(sum(int(maps.sizes.prod(1).sum()) for maps in found))
    of_class = counts.sum(0).tolist()
    read.maps = MapsRead(
        pixels=total,
        shares={name: count / max(total, 1) for name, count in zip(target.class_names, of_class, strict=True)},
        ignored=(total - sum(of_class)) / max(total, 1),
        images_without=int((counts.sum(1) == 0).sum()),
    )
    return read
