"""Classification's part of a test image in the metrics: its true and found class, and the confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.metrics.class_counts import ClassCounts, mean_of_defined, ratio
from tlbench.metrics.per_image import Details, PerImage

BINS = 15
"""As those of `ClassificationMetrics`."""

Columns = Mapping[str, NDArray[Any]]


def of_predictions(target: NDArray[np.integer], probabilities: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """What is kept of N test images.

    Args:
        target: (N,) true classes.
        probabilities: (N, C).

    Returns:
        `target` and `found` (N,) in the smallest unsigned type, `confidence` (N,) float32 in [0, 1].
    """
    smallest = np.min_scalar_type(max(probabilities.shape[1] - 1, 0))
    found = probabilities.argmax(1)
    return {
        "target": target.astype(smallest),
        "found": found.astype(smallest),
        "confidence": probabilities.max(1).astype(np.float32),
    }


def read(columns: Columns, classes: int) -> PerImage:
    """The metrics of a run from what it kept.

    Args:
        columns: As `of_predictions` gives them, or as `ClassificationTask.predictions`.
        classes: C.
    """
    from scipy.sparse import csr_array  # heavy

    if "probabilities" in columns:
        columns = of_predictions(columns["target"], columns["probabilities"])
    target, found = columns["target"].astype(np.int64), columns["found"].astype(np.int64)
    confidence = columns["confidence"].astype(np.float64)
    count = len(target)
    one = np.ones(count, dtype=np.int64)
    counts = ClassCounts(np.arange(count), target, found, one, (count, classes))
    right = (target == found).astype(float)
    upper = np.arange(1, BINS + 1, dtype=np.float32) / np.float32(BINS)
    bins = np.minimum(np.searchsorted(upper, columns["confidence"], side="left"), BINS - 1)
    binned = csr_array((np.ones(count), (bins, np.arange(count))), shape=(BINS, count))  # no threads, as of `@` of two

    def weighted(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        of = counts.weighted(weights)
        gaps = (binned @ (weights * (right - confidence)).T).T
        return {
            "oa": of.oa,
            "aa": mean_of_defined(of.recall),
            "kappa": of.kappa,
            "f1": np.nan_to_num(of.f1).mean(1),
            "ece": ratio(np.abs(gaps).sum(1), weights.sum(1)),
        }

    def details(names: Sequence[str]) -> Details:
        variance = binned @ np.maximum(confidence * (1 - confidence), 0)
        return Details(
            each=right,
            said=lambda i: f"{names[found[i]]} {confidence[i]:.2f}",
            truth=lambda i: names[target[i]],
            confusion=lambda: np.bincount(target * classes + found, minlength=classes**2).reshape(classes, classes),
            # a normal distribution about 0 lies √(2/π) of its standard deviation from it on average
            floors={"ece": float(np.sqrt(2 / np.pi * variance).sum() / count)} if count else {},
        )

    return PerImage(count, weighted, {"oa": right}, details=details)
