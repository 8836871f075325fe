"""What was read of images with boxes."""

from __future__ import annotations

import torch

from tlbench.annotations.instances.images import BoxSplit
from tlbench.data.describe_read import was_read
from tlbench.data.target import Target
from tlbench.data.was_read import ObjectsRead, WasRead


def boxes_read(task: str, target: Target[BoxSplit]) -> WasRead:
    """As `was_read`, with the objects of all splits."""
    splits = list(target.splits.values())
    read = was_read(task, target, {name: split.labels for name, split in target.splits.items()})
    boxes = torch.cat([split.boxes for split in splits]).double()
    sides = (boxes[:, 2:] - boxes[:, :2]).prod(1).sqrt()
    scales = torch.cat([_scales(split) for split in splits])
    images = sum(map(len, splits))
    read.objects = ObjectsRead(
        count=len(boxes),
        an_image=len(boxes) / images,
        median_side=round(float((sides / scales).median()), 1),
        median_side_in_network=round(float(sides.median()), 1),
        images_without=sum(int((split.starts.diff() == 0).sum()) for split in splits),
        images_without_labels=sum(name in target.unlabelled for split in splits for name in split.names),
    )
    return read


def _scales(split: BoxSplit) -> torch.Tensor:
    """(M,): by which factor each object's image was brought to the network's size."""
    factors = (split.inside.double() / split.sizes).mean(1)
    return torch.repeat_interleave(factors, split.starts.diff())
