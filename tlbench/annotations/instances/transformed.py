"""A batch of images with boxes, transformed by the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2.functional import convert_bounding_box_format

from tlbench.annotations.instances.boxes import LEAST_SIDE
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.errors import ConfigError
from tlbench.geometry.own_transform import OwnTransform


def transformed(
    transform: OwnTransform, images: Tensor, targets: BoxTargets, index: Tensor, epoch: int, classes: int
) -> tuple[Tensor, BoxTargets]:
    """Give each image with its boxes to a transform, as torchvision's detection references do.

    It is called with `image`, `boxes` (`tv_tensors.BoundingBoxes`, `x1 y1 x2 y2` in pixels of the network's input) and
    `labels`. Boxes are clipped to the image afterwards; those with a side of 2 pixels or less go.

    Args:
        transform: It.
        images: (B, 3, H, W) float32 in [0, 1].
        targets: The objects in them.
        index: (B,) int64 sample indices.
        epoch: Epoch, ≥ 0.
        classes: How many there are.

    Raises:
        ConfigError: As `OwnTransform.samples`; or boxes and labels are not one each, or
            none that there can be.
    """
    height, width = images.shape[-2:]
    counts = torch.bincount(targets.image, minlength=len(images)).tolist()

    def samples() -> Iterator[dict[str, Any]]:
        each = (torch.split(part, counts) for part in (targets.boxes, targets.labels))
        for image, boxes, labels in zip(images, *each, strict=True):
            placed = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(height, width))
            yield {"image": tv_tensors.Image(image), "boxes": placed, "labels": labels}

    found, all_boxes, all_labels = [], [], []
    for sample in transform.samples(samples(), index, epoch):
        boxes, labels = _objects(transform, sample)
        if len(boxes) != len(labels):
            raise ConfigError(
                f"{transform.key}: it gives {len(boxes)} boxes and {len(labels)} labels for an image; drop both of an "
                "object, as v2.SanitizeBoundingBoxes does"
            )
        if not bool(boxes.isfinite().all()) or bool(((labels < 0) | (labels >= classes)).any()):
            raise ConfigError(
                f"{transform.key}: it gives a box that is not finite, or a label beyond 0 … {classes - 1}; let it keep "
                "the labels of the boxes that it keeps"
            )
        boxes = boxes.clamp(min=0).minimum(boxes.new_tensor([width, height] * 2))
        kept = (boxes[:, 2:] - boxes[:, :2]).amin(dim=1) > LEAST_SIDE
        found.append(sample["image"])
        all_boxes.append(boxes[kept])
        all_labels.append(labels[kept])
    owner = torch.repeat_interleave(
        torch.arange(len(images), device=images.device),
        torch.tensor([len(boxes) for boxes in all_boxes], device=images.device),
    )
    return torch.stack(found), replace(targets, boxes=torch.cat(all_boxes), labels=torch.cat(all_labels), image=owner)


def _objects(transform: OwnTransform, sample: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Boxes (M, 4) float32 `x1 y1 x2 y2`, and labels."""
    boxes, labels = sample["boxes"], sample["labels"]
    if isinstance(boxes, tv_tensors.BoundingBoxes) and boxes.format != tv_tensors.BoundingBoxFormat.XYXY:
        boxes = convert_bounding_box_format(boxes, new_format=tv_tensors.BoundingBoxFormat.XYXY)
    for name, value in (("boxes", boxes), ("labels", labels)):
        if not isinstance(value, Tensor) or (name == "labels" and value.dtype != torch.int64):
            what = f"of {value.dtype}" if isinstance(value, Tensor) else f"of type {type(value).__name__}"
            raise ConfigError(f"{transform.key}: it gives {name} {what}; let it keep tensors, labels of int64")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ConfigError(f"{transform.key}: it gives boxes {tuple(boxes.shape)}; wanted are (M, 4), x1 y1 x2 y2")
    return boxes.as_subclass(Tensor).float(), labels.as_subclass(Tensor).reshape(-1)
