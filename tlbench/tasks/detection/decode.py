"""From a detection network's outputs for a batch to detections in pixels of the images."""

from __future__ import annotations

from typing import Any

import torch

from tlbench.annotations.instances.detections import Detections
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.networks.outputs import not_finite
from tlbench.tasks.detection.config import DetectionConfig
from tlbench.tasks.detection.postprocess import detections_of


def found_boxes(outputs: Any, targets: BoxTargets, num_classes: int, settings: DetectionConfig) -> list[Detections]:
    """Each image's detections, clipped to the image.

    Args:
        outputs: The network's for B inputs, in eval mode: its first part is (B, 4 + C, A), as `detections_of` takes it.
        targets: Of the same inputs; only `frames` and `sizes` are used.
        num_classes: C.
        settings: `min_confidence`, `nms_iou` and `max_detections` are used.

    Returns:
        B of them, boxes in pixels of the image as it is stored in the data set; `Detections.undefined` where the
        outputs for an image hold NaN or infinity.
    """
    undefined = not_finite(outputs, len(targets)).tolist()
    found = detections_of(
        outputs[0],
        num_classes=num_classes,
        min_confidence=settings.min_confidence,
        nms_iou=settings.nms_iou,
        max_detections=settings.max_detections,
    )
    return [
        Detections.undefined(rows.device)
        if undefined[i]
        else Detections(
            targets.in_image(rows[:, :4], torch.full_like(rows[:, 0], i, dtype=torch.int64)),
            rows[:, 4],
            rows[:, 5].long(),
        )
        for i, rows in enumerate(found)
    ]
