"""True and found classes, counted image by image: what overall accuracy, F1, kappa and IoU are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WeightedCounts:
    """Hits, and how much is of a class and found as one; (B, C) each for B weightings of the images."""

    hits: Values
    true: Values
    found: Values

    @property
    def oa(self) -> Values:
        """(B,) Σ hits / Σ true; NaN without anything."""
        return ratio(self.hits.sum(1), self.true.sum(1))

    @property
    def recall(self) -> Values:
        """(B, C) hits / true; NaN of a class that does not occur in the truth."""
        return ratio(self.hits, self.true)

    @property
    def f1(self) -> Values:
        """(B, C) 2 hits / (true + found); NaN of a class that occurs in neither."""
        return ratio(2 * self.hits, self.true + self.found)

    @property
    def iou(self) -> Values:
        """(B, C) hits / (true + found − hits); NaN of a class that occurs in neither."""
        return ratio(self.hits, self.true + self.found - self.hits)

    @property
    def kappa(self) -> Values:
        """(B,) (p_o − p_e) / (1 − p_e); NaN where p_e = 1."""
        total = self.true.sum(1, keepdims=True)
        chance = (ratio(self.true, total) * ratio(self.found, total)).sum(1)
        return ratio(self.oa - chance, 1 - chance)


class ClassCounts:
    """Of N images and C classes, kept sparsely.

    Args:
        image: (K,) the image of each entry, in [0, N).
        true: (K,) true class.
        found: (K,) found class.
        count: (K,) how many samples or pixels.
        shape: N and C.
    """

    def __init__(
        self,
        image: NDArray[np.integer],
        true: NDArray[np.integer],
        found: NDArray[np.integer],
        count: NDArray[np.integer],
        shape: tuple[int, int],
    ) -> None:
        right = true == found
        self._hits = _sparse(image[right], true[right], count[right], shape)
        self._true = _sparse(image, true, count, shape)
        self._found = _sparse(image, found, count, shape)

    def weighted(self, weights: Values) -> WeightedCounts:
        """The counts with each image counted so often; `weights` is (B, N)."""
        hits, true, found = (np.asarray((each @ weights.T).T) for each in (self._hits, self._true, self._found))
        return WeightedCounts(hits, true, found)


def ratio(above: Values, below: Values) -> Values:
    """Elementwise quotient, NaN where the denominator is 0."""
    quotient = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient


def mean_of_defined(values: Values) -> Values:
    """(B,) mean over classes of (B, C) without NaN; NaN where all are."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(1), defined.sum(1).astype(float))


def _sparse(image: NDArray[np.integer], column: NDArray[np.integer], count: NDArray[np.integer], shape: Any) -> Any:
    from scipy.sparse import csr_array  # heavy

    return csr_array((count.astype(float), (column, image)), shape=shape[::-1])
