"""A run's test metrics from what each test image adds to them, so that they can be had of other draws of the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Details:
    """What a report shows of single test images and of classes, beside the metrics.

    Attributes:
        each: (N,) in [0, 1], how well each image was done; NaN where nothing can be said. It puts images in order.
        said: Image → what was found on it, and how sure, in a few words.
        truth: Image → what is there, likewise; empty where it takes a picture.
        confusion: Gives (C, C) counts, rows true classes, columns found; None where a task has none.
        precisions: (R,) recalls and (R,) precisions, a mean over classes; None likewise.
        floors: Metric → the value that it would have on average on so many images if nothing were wrong.
    """

    each: Values
    said: Callable[[int], str]
    truth: Callable[[int], str]
    confusion: Callable[[], NDArray[np.int64]] | None = None
    precisions: tuple[Values, Values] | None = None
    floors: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PerImage:
    """What is known of each of N test images, in the order of the split.

    Attributes:
        images: N.
        weighted: Each image counted so often, (B, N) weights ≥ 0 → each metric's (B,) values, NaN where undefined.
        scores: Metrics that are means over images → (N,) each image's own value.
        draws: How many weightings may be asked for in a time that people wait; more make a variance more exact.
        details: The C class names → what a report shows beside the metrics; None: nothing.
    """

    images: int
    weighted: Callable[[Values], Mapping[str, Values]]
    scores: Mapping[str, Values] = field(default_factory=dict)
    draws: int = 1000
    details: Callable[[Sequence[str]], Details] | None = None

    def metrics(self) -> dict[str, float]:
        """The metrics of the test split as it is."""
        return {name: float(values[0]) for name, values in self.weighted(np.ones((1, self.images))).items()}
