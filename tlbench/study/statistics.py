"""Means, spreads and paired differences over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Verdict = Literal["lies above zero", "contains zero", "lies below zero"]


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


@dataclass(frozen=True)
class PairedDifference:
    """a − b over the seeds that both have.

    Attributes:
        mean: Of the differences; None where no seed is common.
        std: Of the differences (ddof = 1); None for n < 2.
        n: Number of pairs.
        low: Lower end of Student's t interval of the mean difference; None for n < 2.
        high: Upper end.
        p: Two-sided p-value of "the mean difference is zero"; None for n < 2.
        confidence: Of the interval, in (0, 1).
        only_a: Seeds of a without a partner in b, left out.
        only_b: Seeds of b without a partner in a, left out.
    """

    mean: float | None
    std: float | None
    n: int
    low: float | None
    high: float | None
    p: float | None
    confidence: float
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]

    @property
    def verdict(self) -> Verdict | None:
        """Where the whole interval lies; an end that is exactly zero counts as containing it. None without interval."""
        if self.low is None or self.high is None:
            return None
        return "lies above zero" if self.low > 0 else "lies below zero" if self.high < 0 else "contains zero"


def summarise(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation of finite values."""
    n = len(values)
    mean = float(np.mean(values)) if n else None
    return Spread(mean, float(np.std(values, ddof=1)) if n > 1 else None, n)


def paired_difference(a: Mapping[int, float], b: Mapping[int, float], confidence: float = 0.95) -> PairedDifference:
    """Student's t interval of the mean of a − b, paired by seed (Student 1908, "The probable error of a mean").

    Where all differences are equal the standard deviation is 0 and the interval has width 0; p is then 0, or 1 if
    they are all zero.

    Args:
        a: Finite value per seed.
        b: Likewise.
        confidence: Of the interval, in (0, 1).
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: must lie in (0, 1)")
    spread = summarise([a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())])
    low = high = p = None
    if spread.mean is not None and spread.std is not None:
        from scipy.special import stdtr, stdtrit  # heavy: a study's configuration is checked before

        error, df = spread.std / math.sqrt(spread.n), spread.n - 1
        half_width = float(stdtrit(df, (1 + confidence) / 2)) * error
        low, high = spread.mean - half_width, spread.mean + half_width
        p = float(2 * stdtr(df, -abs(spread.mean) / error)) if error > 0 else float(spread.mean == 0)
    only_a, only_b = (tuple(sorted(x.keys() - y.keys())) for x, y in ((a, b), (b, a)))
    return PairedDifference(spread.mean, spread.std, spread.n, low, high, p, confidence, only_a, only_b)
