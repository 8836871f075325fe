"""Detection's part of a test image in the metrics: what its detections found, matched once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.annotations.instances.average_precision import RECALLS, precision_at_recalls
from tlbench.annotations.instances.matches import Matches
from tlbench.annotations.instances.matching import IOU_THRESHOLDS, match_boxes
from tlbench.errors import DataError
from tlbench.metrics.class_counts import mean_of_defined, ratio
from tlbench.metrics.per_image import Details, PerImage
from tlbench.tasks.detection.sidecar import split_images

Columns = Mapping[str, NDArray[Any]]
Values = NDArray[np.float64]

_WORK, _DRAWS = 100_000_000, (200, 1000)
"""Detections and places on the recall axis that are read in all draws together, about 10 s; and how many draws."""


def of_predictions(columns: Columns, confidence: float) -> dict[str, NDArray[Any]]:
    """What is kept of N test images.

    Args:
        columns: As `DetectionTask.predictions` gives them.
        confidence: From which detections count in precision, recall, F1 and IoU.

    Returns:
        `count` (N,) with `scores`, `labels`, `hits`, `crowded` and `ious` (K,) of the detections that count, image by
        image (see `match_boxes`); `target_count` (N,) with `target_labels` (M,); `confidence`, a scalar.
    """
    images = split_images(columns, [""] * len(columns["count"]))
    found = [
        match_boxes(i.boxes, i.scores, i.labels, i.target_boxes, i.target_labels, i.crowd_boxes, i.crowd_labels)
        for i in images
    ]

    def joined(parts: list[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
        return np.concatenate([np.zeros(0, dtype), *(part.astype(dtype) for part in parts)])

    return {
        "count": np.array([len(each.kept) for each in found], dtype=np.int64),
        "scores": joined([i.scores[each.kept] for i, each in zip(images, found, strict=True)], np.float32),
        "labels": joined([i.labels[each.kept] for i, each in zip(images, found, strict=True)], np.int32),
        "hits": joined([each.hits for each in found], np.uint16),
        "crowded": joined([each.crowded for each in found], np.uint8),
        "ious": joined([each.ious for each in found], np.float32),
        "target_count": np.array([len(i.target_labels) for i in images], dtype=np.int64),
        "target_labels": joined([i.target_labels for i in images], np.int32),
        "confidence": np.array(confidence, dtype=np.float64),
    }


def read(columns: Columns, classes: int) -> PerImage:
    """The metrics of a run from what it kept; none is a mean over images.

    Args:
        columns: As `of_predictions` gives them.
        classes: C.

    Raises:
        DataError: They are detections as a run of an earlier version kept them.
    """
    if "hits" not in columns:
        raise DataError("an earlier version kept detections, not what they found; run it again with rerun=true")
    images, labels = len(columns["count"]), columns["labels"]
    of_objects = np.repeat(np.arange(images), columns["target_count"])
    objects = _summed(of_objects, columns["target_labels"], np.ones(len(of_objects)), (images, classes))
    order = np.lexsort((-columns["scores"], labels))  # as `Matches.sort`
    matches = Matches.sort(
        columns["scores"],
        labels,
        columns["hits"].astype(np.int32),
        columns["ious"],
        objects.sum(0).astype(np.int64),
        columns["crowded"].astype(np.int32),
    )
    image = np.repeat(np.arange(images), columns["count"])[order]
    confident = matches.scores.astype(np.float64) >= float(columns["confidence"])
    right = matches.right(0) & confident

    def counted(values: NDArray[Any]) -> Values:
        return _summed(image, labels[order], values, (images, classes))

    hits, detected = counted(right), counted(matches.counts(0) & confident)
    overlap = counted(np.where(right, matches.ious, 0)).sum(1)

    def weighted(weights: Values) -> dict[str, Values]:
        of_class, tp, positive = weights @ objects, weights @ hits, weights @ detected
        present = of_class > 0
        ap = np.stack([_average_precisions(matches, image, c, weights, of_class[:, c]) for c in range(classes)], axis=1)
        rates = {
            "precision": np.where(positive > 0, ratio(tp, positive), 0.0),
            "recall": ratio(tp, of_class),
            "f1": ratio(2 * tp, positive + of_class),
        }
        return {
            "map50_95": mean_of_defined(ap.mean(2)),
            "map50": mean_of_defined(ap[:, :, 0]),
            "map95": mean_of_defined(ap[:, :, -1]),
            **{name: mean_of_defined(np.where(present, values, np.nan)) for name, values in rates.items()},
            "iou": ratio(weights @ overlap, tp.sum(1)),
        }

    def details(names: Sequence[str]) -> Details:  # noqa: ARG001
        tp, positive, there = hits.sum(1), detected.sum(1), objects.sum(1)
        both = positive + there
        return Details(
            each=np.where(both > 0, ratio(2 * tp, both), 1.0),
            said=lambda i: f"{tp[i]:.0f} of {there[i]:.0f} found, {positive[i] - tp[i]:.0f} wrong",
            truth=lambda _: "",
            precisions=(RECALLS, matches.mean(precision_at_recalls(matches, threshold=0))),
        )

    work = len(IOU_THRESHOLDS) * (len(matches.scores) + len(RECALLS) * classes)
    return PerImage(images, weighted, draws=int(np.clip(_WORK // max(work, 1), *_DRAWS)), details=details)


def _average_precisions(
    matches: Matches, image: NDArray[np.int64], index: int, weights: Values, objects: Values
) -> Values:
    """(B, T) AP of a class at each IoU threshold; NaN where the class has no object.

    An image that counts twice puts its detections twice at the same place of the ranking, which reads the same
    precisions as if they came one after the other.
    """
    where = matches.of_class(index)
    of_detections = weights[:, image[where]]
    found = np.full((len(weights), len(IOU_THRESHOLDS)), np.nan)
    there = np.flatnonzero(objects > 0)
    for t in range(len(IOU_THRESHOLDS)):
        counts = matches.counts(t, where)
        right = matches.right(t, where)[counts]
        drawn = of_detections[there][:, counts]
        tp, positive = np.cumsum(drawn[:, right], axis=1), np.cumsum(drawn, axis=1)[:, right]
        precision = np.nan_to_num(ratio(tp, positive))
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        padded = np.pad(envelope, ((0, 0), (0, 1)))
        recall = tp / objects[there, None]
        for row, b in enumerate(there):
            found[b, t] = padded[row, np.searchsorted(recall[row], RECALLS, side="left")].mean()
    return found


def _summed(image: NDArray[Any], labels: NDArray[Any], values: NDArray[Any], shape: tuple[int, int]) -> Values:
    """(N, C) sums of what each detection or object has, by image and class."""
    sums = np.zeros(shape)
    np.add.at(sums, (image, labels), values)
    return sums
