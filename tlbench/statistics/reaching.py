"""When a curve reaches a score, and how much less of something one of two arms needs until then."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.statistics.paired import over_seeds

_SAME = 1e-6
"""Scores of single precision that are equal differ by so much: the mean of three 0.95 is reached by 0.95."""


@dataclass(frozen=True)
class Spent:
    """How much of something each of two arms needs until a score, as a mean over the seeds that both have.

    Runs that never reach the score count with all that they had: restricted means (Royston & Parmar 2013, BMC Medical
    Research Methodology 13:152), which need nothing to be left out, and below which the true mean does not lie.

    Attributes:
        arm: ≥ 0, in epochs, steps or seconds.
        baseline: Likewise.
        difference: arm − baseline, paired by seed.
        low: Lower end of the difference's interval over the seeds; None for one seed.
        high: Upper end.
    """

    arm: float
    baseline: float
    difference: float
    low: float | None
    high: float | None


def first_reaching(values: Sequence[float], score: float, *, higher_is_better: bool) -> int | None:
    """The index of the first value that is as good as a score; None: none is.

    The first, as in DAWNBench (Coleman et al. 2019, arXiv:1806.01427), though the next may be worse again.

    Args:
        values: A curve, in order; NaN reaches nothing.
        score: In the same unit.
        higher_is_better: Their direction.
    """
    sign = 1 if higher_is_better else -1
    tolerance = _SAME * max(abs(score), 1.0)
    return next((i for i, value in enumerate(values) if sign * (value - score) >= -tolerance), None)


def spent(arm: Sequence[float], baseline: Sequence[float], grain: float, confidence: float) -> Spent:
    """The means, and their difference with Student's t interval over the seeds; the score is taken as given.

    Args:
        arm: What each seed of the arm needed, or had where that was not enough.
        baseline: Likewise, in the same order of seeds; as many, at least one.
        grain: The steps in which it comes, such as one epoch; see `over_seeds`.
        confidence: Of the interval, in (0, 1).

    Raises:
        ValueError: There are not as many of both, or none.
    """
    if len(arm) != len(baseline) or not arm:
        raise ValueError(f"{len(arm)} and {len(baseline)} seeds: it takes as many of both, at least one")
    a, b = np.asarray(arm, dtype=float), np.asarray(baseline, dtype=float)
    difference = float(np.mean(a - b))
    low, high = over_seeds(a - b, grain).interval(confidence) if len(a) > 1 else (math.nan, math.nan)
    ends = (low, high) if math.isfinite(low) else (None, None)
    return Spent(float(np.mean(a)), float(np.mean(b)), difference, *ends)
