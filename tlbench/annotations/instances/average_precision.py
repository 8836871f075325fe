"""Average precision as COCO defines it, from compressed matches.

The reference is `COCOeval.accumulate` of pycocotools: precision is made monotonous from the right and read at 101
recalls, and AP is the mean of what is read. (Ultralytics integrates the same 101 points by the trapezoid rule, which
differs by up to 0.004.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tlbench.annotations.instances.matches import Matches
from tlbench.annotations.instances.matching import IOU_THRESHOLDS

RECALLS: NDArray[np.float64] = np.linspace(0, 1, 101)
"""Where precision is read, the very floats of pycocotools."""


def interpolated_precision(true_positive: NDArray[np.bool_], objects: int) -> NDArray[np.float64]:
    """The highest precision at a recall of at least 0, 0.01 … 1; 0 where that recall is never reached.

    Args:
        true_positive: (N,) by descending score, N ≥ 0.
        objects: ≥ 1.

    Returns:
        (101,) in [0, 1].
    """
    tp = np.cumsum(true_positive)
    recall, precision = tp / objects, tp / np.arange(1, len(tp) + 1)
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    read: NDArray[np.float64] = envelope[np.searchsorted(recall, RECALLS, side="left")]
    return read


def precision_at_recalls(matches: Matches, threshold: int) -> NDArray[np.float64]:
    """`interpolated_precision` of each class at the IoU threshold of that index.

    Returns:
        (C, 101); NaN for classes without objects, of which pycocotools says −1.
    """
    rows = np.full((len(matches.objects), len(RECALLS)), np.nan)
    for c in np.flatnonzero(matches.present).tolist():
        where = matches.of_class(c)
        rows[c] = interpolated_precision(
            matches.right(threshold, where)[matches.counts(threshold, where)], matches.objects[c]
        )
    return rows


def average_precision(matches: Matches) -> NDArray[np.float64]:
    """AP of each class at each IoU threshold.

    Returns:
        (C, 10) in [0, 1]; NaN for classes without objects.
    """
    return np.stack([precision_at_recalls(matches, t).mean(axis=1) for t in range(len(IOU_THRESHOLDS))], axis=1)
