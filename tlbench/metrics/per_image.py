"""A run's test metrics from what each test image adds to them, so that they can be had of other draws of the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PerImage:
    """What is known of each of N test images, in the order of the split.

    Attributes:
        images: N.
        weighted: Each image counted so often, (B, N) weights ≥ 0 → each metric's (B,) values, NaN where undefined.
        scores: Metrics that are means over images → (N,) each image's own value.
        draws: How many weightings may be asked for in a time that people wait; more make a variance more exact.
    """

    images: int
    weighted: Callable[[Values], Mapping[str, Values]]
    scores: Mapping[str, Values] = field(default_factory=dict)
    draws: int = 1000

    def metrics(self) -> dict[str, float]:
        """The metrics of the test split as it is."""
        return {name: float(values[0]) for name, values in self.weighted(np.ones((1, self.images))).items()}
