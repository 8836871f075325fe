"""Which detections of an image find an object: COCO's greedy matching, image by image.

The reference is `COCOeval.evaluateImg` of pycocotools with its default parameters for boxes: area range `all`, at most
100 detections of a class an image. Its result is kept in 14 bits a detection instead of matrices, so that a data set's
matches take little memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask

IOU_THRESHOLDS: NDArray[np.float64] = np.linspace(0.5, 0.95, 10)
"""0.50, 0.55 … 0.95, the very floats of pycocotools; bit i of a detection's `hits` belongs to threshold i."""

MAX_DETECTIONS = 100
"""Detections of one class in one image that count; those of lower score are left out, also as false positives."""


@dataclass(frozen=True, eq=False)
class ImageMatches:
    """The detections of one image that count, and what they found.

    Args:
        kept: (K,) int64, which of the image's detections they are, by descending score.
        hits: (K,) int64, bit i set where the detection is a true positive at `IOU_THRESHOLDS[i]`.
        crowded: (K,) int64, at how many of the thresholds, from the lowest on, the detection lies in a crowd of its
            class: where it is no true positive at one of these, it counts neither way there.
        ious: (K,) float32 IoU with the object matched at IoU threshold 0.5; 0 where there is none.
    """

    kept: NDArray[np.int64]
    hits: NDArray[np.int64]
    crowded: NDArray[np.int64]
    ious: NDArray[np.float32]


def match_boxes(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    labels: NDArray[np.int64],
    true_boxes: NDArray[np.float32],
    true_labels: NDArray[np.int64],
    crowd_boxes: NDArray[np.float32] | None = None,
    crowd_labels: NDArray[np.int64] | None = None,
) -> ImageMatches:
    """Match one image's detections to its objects, at all IoU thresholds at once.

    At each threshold the detections choose in descending order of score (equal scores in the order given), each the
    object of its class of the highest IoU at or above the threshold that no detection before it has taken (of equal
    IoUs the later object). What a detection takes does not depend on those of lower score: the true positives among the
    detections above a confidence are the same whether or not those below it were there.

    A detection that takes no object at a threshold is ignored there if it lies in a crowd of its class: if the part of
    its own area that is in one crowd is at or above the threshold. Any number of detections may lie in a crowd.

    Args:
        boxes: (D, 4), `x1 y1 x2 y2`, any unit.
        scores: (D,).
        labels: (D,) class indices.
        true_boxes: (G, 4), as `boxes`.
        true_labels: (G,).
        crowd_boxes: (R, 4), as `boxes`; None: there is no crowd.
        crowd_labels: (R,).
    """
    order = np.argsort(-scores, kind="stable")
    kept = order[_rank_in_class(labels[order]) < MAX_DETECTIONS]
    hits, ious = [0] * len(kept), [0.0] * len(kept)
    if len(kept) and len(true_boxes):
        iou = mask.iou(_corner_and_size(boxes[kept]), _corner_and_size(true_boxes), [0] * len(true_boxes))
        detection, object_ = np.nonzero((iou >= IOU_THRESHOLDS[0]) & (labels[kept][:, None] == true_labels))
        value = iou[detection, object_]
        preference = np.lexsort((-object_, -value, detection))
        reached = (1 << np.searchsorted(IOU_THRESHOLDS, value, side="right")) - 1  # bits of the thresholds ≤ IoU
        taken = [0] * len(true_boxes)
        columns = (detection, object_, value, reached)
        for d, g, v, bits in zip(*(column[preference].tolist() for column in columns), strict=True):
            won = bits & ~hits[d] & ~taken[g]
            hits[d] |= won
            taken[g] |= won
            if won & 1:
                ious[d] = v
    crowded = np.zeros(len(kept), dtype=np.int64)
    if crowd_boxes is not None and crowd_labels is not None and len(kept) and len(crowd_boxes):
        inside = mask.iou(_corner_and_size(boxes[kept]), _corner_and_size(crowd_boxes), [1] * len(crowd_boxes))
        inside = np.where(labels[kept][:, None] == crowd_labels, inside, 0).max(axis=1)
        crowded = np.searchsorted(IOU_THRESHOLDS, inside, side="right")
    return ImageMatches(kept, np.array(hits, dtype=np.int64), crowded, np.array(ious, dtype=np.float32))


def _rank_in_class(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many earlier entries have the same label, (D,)."""
    by_class = np.argsort(labels, kind="stable")
    ordered = labels[by_class]
    ranks = np.empty(len(labels), dtype=np.int64)
    ranks[by_class] = np.arange(len(labels)) - np.searchsorted(ordered, ordered, side="left")
    return ranks


def _corner_and_size(boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    """`x1 y1 width height` as pycocotools takes them, in float64 as it computes."""
    xyxy = boxes.astype(np.float64)
    return np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
