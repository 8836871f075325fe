"""All matches of a data set, class by class and by descending score: what every detection metric is computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Matches:
    """The detections of a data set with what each found, sorted by class and then by descending score.

    Args:
        scores: (N,) float32.
        hits: (N,) int32, bit i set where the detection is a true positive at `box_matching.IOU_THRESHOLDS[i]`.
        crowded: (N,) int32, at how many of these thresholds, from the lowest on, the detection lies in a crowd.
        ious: (N,) float32 IoU with the object matched at threshold 0.5; 0 where there is none.
        starts: (C + 1,) int64; class c's detections are `starts[c]:starts[c + 1]`.
        objects: (C,) int64, objects of each class in the data set.
    """

    scores: NDArray[np.float32]
    hits: NDArray[np.int32]
    crowded: NDArray[np.int32]
    ious: NDArray[np.float32]
    starts: NDArray[np.int64]
    objects: NDArray[np.int64]

    @classmethod
    def sort(
        cls,
        scores: NDArray[np.float32],
        labels: NDArray[np.int32],
        hits: NDArray[np.int32],
        ious: NDArray[np.float32],
        objects: NDArray[np.int64],
        crowded: NDArray[np.int32] | None = None,
    ) -> Matches:
        """Sort detections that come image by image; equal scores of a class keep their order, as in pycocotools.

        Without `crowded` there are no crowds.
        """
        crowded = np.zeros(len(scores), dtype=np.int32) if crowded is None else crowded
        order = np.lexsort((-scores, labels))
        starts = np.searchsorted(labels[order], np.arange(len(objects) + 1), side="left").astype(np.int64)
        return cls(scores[order], hits[order], crowded[order], ious[order], starts, objects)

    def of_class(self, index: int) -> slice:
        """Where a class's detections lie."""
        return slice(int(self.starts[index]), int(self.starts[index + 1]))

    def right(self, threshold: int, where: slice = slice(None)) -> NDArray[np.bool_]:
        """(N,) which are true positives at the IoU threshold of that index; or of some of them."""
        right: NDArray[np.bool_] = (self.hits[where] >> threshold & 1) == 1
        return right

    def counts(self, threshold: int, where: slice = slice(None)) -> NDArray[np.bool_]:
        """(N,) which are true or false positives there; the others, in crowds, are ignored."""
        return self.right(threshold, where) | (self.crowded[where] <= threshold)

    @property
    def present(self) -> NDArray[np.bool_]:
        """(C,) which classes have an object; the others have no metrics and are left out of means."""
        return self.objects > 0

    def mean(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean of (C, …) over the classes that have an object, as in pycocotools; NaN where no class has one."""
        if not self.present.any():
            return np.full(values.shape[1:], np.nan)
        mean: NDArray[np.float64] = values[self.present].mean(axis=0)
        return mean
