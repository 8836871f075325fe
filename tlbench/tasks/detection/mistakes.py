"""What a detector missed and what it saw where nothing is, image by image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import box_iou

from tlbench.annotations.instances.matches import Matches
from tlbench.annotations.instances.matching import ImageMatches, match_boxes
from tlbench.tasks.detection.sidecar import ImagePredictions


@dataclass(frozen=True, eq=False)
class ImageOutcome:
    """The detections of an image at or above a confidence, against its objects at IoU 0.5.

    Args:
        image: The image.
        detections: (K,) int64, which of the image's detections these are, by descending score.
        false: (K,) which of them are false positives.
        ignored: (K,) which of them lie in crowds and count neither way.
        missed: (M,) which of the objects none of them found.
    """

    image: ImagePredictions
    detections: NDArray[np.int64]
    false: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    missed: NDArray[np.bool_]

    @property
    def mistakes(self) -> int:
        """Missed objects and false positives."""
        return int(self.missed.sum() + self.false.sum())


def match_images(images: Sequence[ImagePredictions], num_classes: int) -> tuple[list[ImageMatches], Matches]:
    """Match each image's detections to its objects; all of them together are what the metrics are computed from.

    Args:
        images: N ≥ 1 of them.
        num_classes: C.
    """
    found = [
        match_boxes(i.boxes, i.scores, i.labels, i.target_boxes, i.target_labels, i.crowd_boxes, i.crowd_labels)
        for i in images
    ]
    pairs = list(zip(images, found, strict=True))
    matches = Matches.sort(
        np.concatenate([image.scores[each.kept] for image, each in pairs]),
        np.concatenate([image.labels[each.kept] for image, each in pairs]).astype(np.int32),
        np.concatenate([each.hits for each in found]).astype(np.int32),
        np.concatenate([each.ious for each in found]),
        np.bincount(np.concatenate([image.target_labels for image in images]), minlength=num_classes),
        np.concatenate([each.crowded for each in found]).astype(np.int32),
    )
    return found, matches


def outcome(image: ImagePredictions, found: ImageMatches, confidence: float) -> ImageOutcome:
    """What the detections at or above a confidence are worth.

    Args:
        image: The image.
        found: What `match_boxes` says about it.
        confidence: In [0, 1].
    """
    sure = image.scores[found.kept].astype(np.float64) >= confidence
    detections, right = found.kept[sure], found.hits[sure] & 1 == 1
    ignored = ~right & (found.crowded[sure] > 0)
    return ImageOutcome(image, detections, ~right & ~ignored, ignored, _missed(image, detections[right]))


def worst_first(outcomes: Mapping[int, ImageOutcome], limit: int) -> list[int]:
    """Keys of those with the most mistakes, at most `limit`; equal ones in the order given."""
    return sorted(outcomes, key=lambda k: -outcomes[k].mistakes)[:limit]


def _missed(image: ImagePredictions, right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(M,) the objects that are left when each true positive has taken its own, as `match_boxes` gives them out."""
    missed = np.ones(len(image.target_boxes), dtype=bool)
    if len(right) == 0:
        return missed
    found, true = (torch.from_numpy(boxes).double() for boxes in (image.boxes[right], image.target_boxes))
    overlap = box_iou(found, true).numpy()
    for row, label in zip(overlap, image.labels[right], strict=True):
        reached = np.where(missed & (image.target_labels == label), row, 0)
        taken = len(reached) - 1 - int(np.argmax(reached[::-1]))  # of equal ones the last
        missed[taken] = False
    return missed
