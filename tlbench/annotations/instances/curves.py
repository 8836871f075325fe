"""The curves behind the detection metrics, for figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.annotations.instances.average_precision import RECALLS, precision_at_recalls
from tlbench.annotations.instances.confidence import rates
from tlbench.annotations.instances.matches import Matches

CONFIDENCES: NDArray[np.float64] = np.linspace(0, 1, 1000)


@dataclass(frozen=True, eq=False)
class DetectionCurves:
    """Precision–recall and confidence curves at IoU 0.5, of each of C classes and on average.

    Rows of classes without objects are NaN, and means leave them out; without any object the means are NaN as well.

    Args:
        class_names: C names.
        recall_grid: (101,) 0, 0.01 … 1.
        precision_at_recall: (C, 101) interpolated precision; a row's mean is that class's AP50.
        mean_precision_at_recall: (101,).
        confidence_grid: (1000,) from 0 to 1.
        precision: (C, 1000) of the detections at or above each confidence; 0 where there is none.
        mean_precision: (1000,).
        recall: (C, 1000).
        mean_recall: (1000,).
        f1: (C, 1000).
        mean_f1: (1000,).
    """

    class_names: tuple[str, ...]
    recall_grid: NDArray[np.float64]
    precision_at_recall: NDArray[np.float64]
    mean_precision_at_recall: NDArray[np.float64]
    confidence_grid: NDArray[np.float64]
    precision: NDArray[np.float64]
    mean_precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    mean_recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    mean_f1: NDArray[np.float64]


def detection_curves(matches: Matches, class_names: Sequence[str]) -> DetectionCurves:
    """The curves of a data set's matches."""
    interpolated = precision_at_recalls(matches, threshold=0)
    at = rates(matches, CONFIDENCES)
    return DetectionCurves(
        class_names=tuple(class_names),
        recall_grid=RECALLS,
        precision_at_recall=interpolated,
        mean_precision_at_recall=matches.mean(interpolated),
        confidence_grid=CONFIDENCES,
        precision=at.precision,
        mean_precision=matches.mean(at.precision),
        recall=at.recall,
        mean_recall=matches.mean(at.recall),
        f1=at.f1,
        mean_f1=matches.mean(at.f1),
    )
