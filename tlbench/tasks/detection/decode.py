"""From a detection network's outputs for a batch to detections in pixels of the images."""

from __future__ import annotations

from typing import Any

import torch

from tlbench.annotations.instances.boxes import boxes_back
from tlbench.annotations.instances.detections import Detections
from tlbench.geometry.placement import Placement
from tlbench.networks.outputs import not_finite
from tlbench.tasks.detection.config import DetectionConfig
from tlbench.tasks.detection.postprocess import detections_of


def found_boxes(outputs: Any, placement: Placement, num_classes: int, settings: DetectionConfig) -> list[Detections]:
    """Each image's detections, clipped to the image.

    Args:
        outputs: The network's for B inputs, in eval mode: its first part is (B, 4 + C, A), as `detections_of` takes it.
        placement: Of the same inputs.
        num_classes: C.
        settings: `min_confidence`, `nms_iou` and `max_detections` are used.

    Returns:
        B of them, boxes in pixels of the image as it is stored in the data set; `Detections.undefined` where the
        outputs for an image hold NaN or infinity.
    """
    undefined = not_finite(outputs, len(placement)).tolist()
    found = detections_of(
        outputs[0],
        num_classes=num_classes,
        min_confidence=settings.min_confidence,
        nms_iou=settings.nms_iou,
        max_detections=settings.max_detections,
    )
    whole, counts = torch.cat(found), [len(rows) for rows in found]
    image = torch.cat([torch.full_like(rows[:, 0], i, dtype=torch.int64) for i, rows in enumerate(found)])
    columns = (boxes_back(whole[:, :4], image, placement), whole[:, 4], whole[:, 5].long())
    return [
        Detections.undefined(whole.device) if undefined[i] else Detections(*parts)
        for i, parts in enumerate(zip(*(torch.split(column, counts) for column in columns), strict=True))
    ]
