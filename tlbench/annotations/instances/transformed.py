"""A batch of images with boxes, transformed by the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors

from tlbench.annotations.instances.boxes import LEAST_SIDE
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.errors import ConfigError
from tlbench.geometry.own_transform import OwnTransform


def transformed(
    transform: OwnTransform, images: Tensor, targets: BoxTargets, index: Tensor, epoch: int
) -> tuple[Tensor, BoxTargets]:
    """Give each image with its boxes to a transform, as torchvision's detection references do.

    It is called with `image`, `boxes` (`tv_tensors.BoundingBoxes`, `x1 y1 x2 y2` in pixels of the network's input) and
    `labels`. Boxes are clipped to the image afterwards; those with a side of 2 pixels or less go.

    Args:
        transform: It.
        images: (B, 3, S, S) float32 in [0, 1].
        targets: The objects in them.
        index: (B,) int64 sample indices.
        epoch: Epoch, ≥ 0.

    Raises:
        ConfigError: As `OwnTransform.samples`; or boxes and labels are not one each.
    """
    side = tuple(images.shape[-2:])
    counts = torch.bincount(targets.image, minlength=len(images)).tolist()

    def samples() -> Iterator[dict[str, Any]]:
        each = (torch.split(part, counts) for part in (targets.boxes, targets.labels))
        for image, boxes, labels in zip(images, *each, strict=True):
            placed = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=side)
            yield {"image": tv_tensors.Image(image), "boxes": placed, "labels": labels}

    found, all_boxes, all_labels = [], [], []
    for sample in transform.samples(samples(), index, epoch):
        boxes, labels = torch.as_tensor(sample["boxes"]).reshape(-1, 4), torch.as_tensor(sample["labels"]).reshape(-1)
        if len(boxes) != len(labels):
            raise ConfigError(
                f"{transform.key}: it gives {len(boxes)} boxes and {len(labels)} labels for an image; drop both of an "
                "object, as v2.SanitizeBoundingBoxes does"
            )
        boxes = boxes.as_subclass(Tensor).float().clamp(0, images.shape[-1])
        kept = (boxes[:, 2:] - boxes[:, :2]).amin(dim=1) > LEAST_SIDE
        found.append(sample["image"])
        all_boxes.append(boxes[kept])
        all_labels.append(labels[kept].as_subclass(Tensor))
    owner = torch.repeat_interleave(
        torch.arange(len(images), device=images.device),
        torch.tensor([len(boxes) for boxes in all_boxes], device=images.device),
    )
    return torch.stack(found), replace(targets, boxes=torch.cat(all_boxes), labels=torch.cat(all_labels), image=owner)
