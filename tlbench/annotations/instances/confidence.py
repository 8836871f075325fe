"""Precision, recall and F1 at IoU 0.5 of the detections at or above a confidence, and the confidence of the best F1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.annotations.instances.matches import Matches

NOTHING_FOUND = 0.5
"""The confidence chosen where no detection finds an object: all give the same F1, 0."""


@dataclass(frozen=True, eq=False)
class Rates:
    """Precision, recall and F1 of C classes at K confidences, (C, K) each; NaN for classes without objects."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]


def rates(matches: Matches, confidences: NDArray[np.float64]) -> Rates:
    """Precision TP / (TP + FP), recall TP / (TP + FN) and F1 = 2 TP / (2 TP + FP + FN) at each confidence.

    What counts are the detections of a score at or above it, without those in crowds. Precision is 0 where there is
    none.

    Args:
        matches: Of a data set.
        confidences: (K,).
    """
    values = np.full((3, len(matches.objects), len(confidences)), np.nan)
    for c in np.flatnonzero(matches.present).tolist():
        tp, detected = _counts(matches, c, confidences)
        objects = matches.objects[c]
        values[:, c] = tp / np.maximum(detected, 1), tp / objects, 2 * tp / (detected + objects)
    return Rates(*values)


def best_confidence(matches: Matches) -> float:
    """The confidence of the highest mean of F1 over the classes that have objects.

    All scores are tried, exactly: F1 only falls where a false positive joins, so its highest value lies at the score of
    a true positive. Of several scores of equal F1 it is the highest. The confidence returned lies halfway between that
    score and the next lower one of any detection (or 0), so that a score that differs by rounding on another machine
    stays on its side. Neither the order of the images nor that of processes matters.

    Returns:
        In (0, 1) for scores in [0, 1]; `NOTHING_FOUND` where no detection finds an object.
    """
    candidates = np.unique(matches.scores[matches.right(0) & (matches.scores > 0)]).astype(np.float64)[::-1]
    if len(candidates) == 0:
        return NOTHING_FOUND
    total = np.zeros(len(candidates))
    for c in np.flatnonzero(matches.present).tolist():
        tp, detected = _counts(matches, c, candidates)
        total += 2 * tp / (detected + matches.objects[c])
    score = float(candidates[np.argmax(total)])
    lower = matches.scores[(matches.scores < score) & matches.counts(0)]
    return (score + max(float(lower.max()) if len(lower) else 0.0, 0.0)) / 2


def matched_iou(matches: Matches, confidence: float) -> float:
    """Mean IoU of the true positives at IoU 0.5 with a score at or above the confidence; NaN where there is none."""
    found = matches.ious[matches.right(0) & (matches.scores.astype(np.float64) >= confidence)]
    return math.fsum(found.tolist()) / len(found) if len(found) else math.nan  # exact: the same in every order


def _counts(
    matches: Matches, index: int, confidences: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """True positives at IoU 0.5 and detections of a class at or above each confidence, (K,) each."""
    where = matches.of_class(index)
    counts = matches.counts(0, where)
    ascending = matches.scores[where][counts][::-1].astype(np.float64)
    detected = len(ascending) - np.searchsorted(ascending, confidences, side="left")
    tp = np.concatenate([[0], np.cumsum(matches.right(0, where)[counts])])
    return tp[detected], detected
