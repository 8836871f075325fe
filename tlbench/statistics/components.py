"""Components of variance: how much of a spread comes from where, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_DRAWS = 20_000  # of pivots: ends of intervals then repeat to about 2 %
_RESAMPLES = 1_000
_AT_ONCE = 100  # resamples: of 10,000 images they take 8 MB
_SEED = 0  # the same runs give the same interval


@dataclass(frozen=True)
class Component:
    """An estimated variance.

    Attributes:
        estimate: As it comes out, which may be negative where the component is small.
        low: Lower end of its interval, ≥ 0; None where none is known: equal values do not tell how far others would be.
        high: Upper end; 0 where all of it is below zero.
    """

    estimate: float
    low: float | None
    high: float | None

    @property
    def variance(self) -> float:
        """The estimate; zero where it is negative."""
        return max(self.estimate, 0.0)

    @property
    def std(self) -> float:
        """Its square root, in the metric's own unit."""
        return math.sqrt(self.variance)

    @property
    def std_ends(self) -> tuple[float, float] | None:
        """The ends of the interval of `std`."""
        return None if self.low is None or self.high is None else (math.sqrt(self.low), math.sqrt(self.high))


def of_runs(values: Values, confidence: float) -> Component:
    """The variance of normal values, with the interval of their chi-square distribution.

    Args:
        values: (n,) of independent runs, n ≥ 2.
        confidence: Of the interval, in (0, 1).
    """
    from scipy.special import chdtri

    df = len(values) - 1
    variance = float(np.var(values, ddof=1))
    if np.ptp(values) == 0:
        return Component(0.0, None, None)
    tail = (1 - confidence) / 2
    ends = (df * variance / float(chdtri(df, p)) for p in (tail, 1 - tail))
    return Component(variance, *ends)


def beyond_sum(total: Values, parts: Sequence[Values], confidence: float) -> Component:
    """The variance of a total without those of its parts: what they do together that none does alone.

    Its interval is generalised (Weerahandi 1993): each variance σ² is (n − 1)s² by a draw of chi-square, and the
    quantiles of the difference are its ends, zero where they are negative.

    Args:
        total: (n,) of independent runs in which all parts vary, n ≥ 2.
        parts: The same, of runs in which one varies each.
        confidence: Of the interval, in (0, 1).
    """
    generator = np.random.default_rng(_SEED)

    def pivots(values: Values) -> Values:
        df = len(values) - 1
        drawn: Values = df * np.var(values, ddof=1) / generator.chisquare(df, _DRAWS)
        return drawn

    estimate = float(np.var(total, ddof=1)) - sum(float(np.var(part, ddof=1)) for part in parts)
    drawn = pivots(total) - sum(pivots(part) for part in parts)
    return Component(estimate, *_ends(drawn, confidence))


def of_images(d: Values, confidence: float) -> Component:
    """The variance of a mean over test images that comes from their draw alone: (MS_I − MS_R) / (nN).

    Of crossed random effects d[s, i] = μ + S_s + I_i + R_si it is σ²_I / N. Its interval is that of the bootstrap over
    images (Efron 1979, percentiles), as right and wrong answers are far from normal; zero where its ends are negative.

    Args:
        d: (n, N), n ≥ 2 and N ≥ 2: every run on the same images.
        confidence: Of the interval, in (0, 1).
    """
    count = d.shape[1]
    generator = np.random.default_rng(_SEED)
    parts = []
    for start in range(0, _RESAMPLES, _AT_ONCE):
        several = min(_AT_ONCE, _RESAMPLES - start)
        parts.append(_of_images(d, generator.multinomial(count, np.full(count, 1 / count), several).astype(float)))
    drawn = np.concatenate(parts)
    return Component(float(_of_images(d, np.ones((1, count)))[0]), *_ends(drawn, confidence))


def _of_images(d: Values, weights: Values) -> Values:
    """(B,) of (B, N) weights that sum to N."""
    n, count = d.shape
    by_run = weights @ d.T / count  # (B, n)
    mean = by_run.mean(1)
    by_image = d.mean(0)
    total = weights @ (d**2).sum(0) - n * count * mean**2
    of_runs = count * ((by_run - mean[:, None]) ** 2).sum(1)
    of_images = n * (weights @ by_image**2 - count * mean**2)
    rest = (total - of_runs - of_images) / ((n - 1) * (count - 1))
    found: Values = (of_images / (count - 1) - rest) / (n * count)
    return found


def _ends(drawn: Values, confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return max(float(low), 0.0), max(float(high), 0.0)
