"""Segmentation's part of a test image in the metrics: its confusion counts of pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.metrics.class_counts import ClassCounts, mean_of_defined, ratio
from tlbench.metrics.per_image import Details, PerImage


def read(columns: Mapping[str, NDArray[Any]], classes: int) -> PerImage:
    """The metrics of a run from what it kept; no metric is a mean over images, as these differ in their pixels.

    Args:
        columns: `count`, `cells` and `pixels`, as `SemanticSegmentationTask.predictions` gives them.
        classes: C.
    """
    images = len(columns["count"])
    image = np.repeat(np.arange(images), columns["count"])
    true, found = np.divmod(columns["cells"].astype(np.int64), classes)
    counts = ClassCounts(image, true, found, columns["pixels"], (images, classes))

    def weighted(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        of = counts.weighted(weights)
        return {
            "miou": mean_of_defined(of.iou),
            "oa": of.oa,
            "aa": mean_of_defined(of.recall),
            "kappa": of.kappa,
            "f1": mean_of_defined(of.f1),
        }

    def details(names: Sequence[str]) -> Details:  # noqa: ARG001
        pixels = columns["pixels"].astype(np.float64)
        right, all_of_it = (np.bincount(image, of, images).astype(float) for of in (pixels * (true == found), pixels))
        each = ratio(right, all_of_it)

        def confusion() -> NDArray[np.int64]:
            counted = np.bincount(columns["cells"].astype(np.int64), pixels, classes**2)
            return counted.astype(np.int64).reshape(classes, classes)

        return Details(
            each=each,
            said=lambda i: f"{100 * each[i]:.1f} % of its pixels right",
            truth=lambda _: "",
            confusion=confusion,
        )

    return PerImage(images, weighted, details=details)
