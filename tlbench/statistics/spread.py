"""Mean and standard deviation over runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over runs.

    Attributes:
        mean: None for n = 0.
        std: Of the sample (ddof = 1); None for n < 2.
        n: Number of values.
    """

    mean: float | None
    std: float | None
    n: int


def summarise(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation of finite values."""
    n = len(values)
    mean = float(np.mean(values)) if n else None
    return Spread(mean, float(np.std(values, ddof=1)) if n > 1 else None, n)
