"""From the outputs of a YOLO network to detections."""

from __future__ import annotations

from torch import Tensor

from tlbench.networks.libraries.ultralytics import ultralytics_module

_NO_TIME_LIMIT = 1e6  # seconds an image; ultralytics leaves the images of a batch that come later without detections


def detections_of(
    outputs: Tensor, *, num_classes: int, min_confidence: float, nms_iou: float, max_detections: int
) -> list[Tensor]:
    """Non-maximum suppression class by class, as in ultralytics' validation; a cell may give several classes.

    Args:
        outputs: (B, 4 + C, A): centre x, y, width and height in pixels of the input, and probabilities.
        num_classes: C.
        min_confidence: Detections below it are dropped before.
        nms_iou: Of two boxes of a class that overlap more, the less confident is dropped.
        max_detections: Kept an image, the most confident ones.

    Returns:
        B tensors (K, 6) float32: `x1 y1 x2 y2` in pixels of the input, confidence (descending), class.
    """
    found: list[Tensor] = ultralytics_module("utils.nms").non_max_suppression(
        outputs.float(),
        conf_thres=min_confidence,
        iou_thres=nms_iou,
        multi_label=True,
        max_det=max_detections,
        max_time_img=_NO_TIME_LIMIT,
        nc=num_classes,
    )
    return found
