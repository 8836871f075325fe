"""The stored predictions of a segmentation run: confusion counts image by image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def image_confusions(columns: Mapping[str, NDArray[np.integer]], classes: int) -> NDArray[np.int64]:
    """(N, C, C) pixels by true class (rows) and found class, in the order of the split's samples.

    Args:
        columns: As `SemanticSegmentationTask.predictions` gives them.
        classes: C.
    """
    counts = columns["count"]
    confusions = np.zeros((len(counts), classes**2), np.int64)
    confusions[np.repeat(np.arange(len(counts)), counts), columns["cells"]] = columns["pixels"]
    return confusions.reshape(-1, classes, classes)


def image_miou(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) the mean IoU of the classes that occur in each image, in its map or in what was found; NaN without any."""
    hits = np.diagonal(confusions, axis1=1, axis2=2)
    union = confusions.sum(1) + confusions.sum(2) - hits
    there = union > 0
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = np.where(there, hits / np.maximum(union, 1), 0).sum(1) / there.sum(1)
    return found
