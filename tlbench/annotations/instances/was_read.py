"""What was read of images with boxes."""

from __future__ import annotations

import torch

from tlbench.annotations.instances.instances import Instances
from tlbench.data.describe_read import was_read
from tlbench.data.target import Target
from tlbench.data.was_read import ObjectsRead, WasRead


def boxes_read(task: str, target: Target[Instances]) -> WasRead:
    """As `was_read`, with the objects of all splits."""
    splits = list(target.splits.values())
    read = was_read(task, target)
    found = [split.annotations for split in splits]
    boxes = torch.cat([each.boxes for each in found]).double()
    sides = (boxes[:, 2:] - boxes[:, :2]).prod(1).sqrt()
    scales = torch.cat([_scales(each) for each in found])
    images = sum(map(len, splits))
    read.objects = ObjectsRead(
        count=len(boxes),
        an_image=len(boxes) / images,
        median_side=round(float((sides / scales).median()), 1),
        median_side_in_network=round(float(sides.median()), 1),
        images_without=sum(int((each.starts.diff() == 0).sum()) for each in found),
        images_without_labels=sum(name in target.unlabelled for split in splits for name in split.names or ()),
    )
    return read


def _scales(found: Instances) -> torch.Tensor:
    """(M,): by which factor each object's image was brought to the network's size."""
    return (found.inside.double() / found.sizes).mean(1)[found.owners()]
