"""What a number of seeds can find: power of the paired t test, the smallest effect that it detects, seeds needed."""

from __future__ import annotations

import functools
import math


def power(effect: float, seeds: int, alpha: float = 0.05) -> float:
    """Power of the two-sided paired t test, by the noncentral t distribution.

    Far in its lower tail, where what is left is below 1e-9, SciPy gives NaN; that is taken for 0.

    Args:
        effect: The true mean difference in standard deviations of the differences, ≥ 0.
        seeds: At least 2.
        alpha: Of the test, in (0, 1).
    """
    from scipy.special import nctdtr, stdtrit  # heavy: a study's configuration is checked before

    df, shift = seeds - 1, effect * math.sqrt(seeds)
    critical = float(stdtrit(df, 1 - alpha / 2))
    missed, wrong_side = (float(nctdtr(df, shift, bound)) for bound in (critical, -critical))
    return 1 - (0.0 if math.isnan(missed) else missed) + (0.0 if math.isnan(wrong_side) else wrong_side)


@functools.cache
def minimal_effect(seeds: int, alpha: float = 0.05, wanted: float = 0.8) -> float:
    """The smallest true difference that is found with the wanted power, in standard deviations of the differences.

    Args:
        seeds: At least 2.
        alpha: Of the test.
        wanted: Power, in (alpha, 1).
    """
    from scipy.optimize import brentq

    most = 1.0
    while power(most, seeds, alpha) < wanted:
        most *= 2
    return float(brentq(lambda effect: power(effect, seeds, alpha) - wanted, 0.0, most, xtol=1e-12))


def seeds_needed(effect: float, alpha: float = 0.05, wanted: float = 0.8, most: int = 1000) -> int | None:
    """The smallest number of seeds with the wanted power; None: more than `most`.

    Args:
        effect: In standard deviations of the differences, > 0.
        alpha: Of the test.
        wanted: Power, in (alpha, 1).
        most: Where the search ends.
    """
    low, high = 2, most
    if power(effect, high, alpha) < wanted:
        return None
    while low < high:  # power grows with the seeds
        middle = (low + high) // 2
        low, high = (low, middle) if power(effect, middle, alpha) >= wanted else (middle + 1, high)
    return low


def upper_spread(spread: float, seeds: int, confidence: float = 0.8) -> float:
    """Upper confidence limit of a standard deviation: plan with it, not with the estimate (Browne 1995).

    Args:
        spread: Sample standard deviation (ddof = 1).
        seeds: That it was estimated from, at least 2.
        confidence: Of the limit, in (0, 1).
    """
    from scipy.special import chdtri

    return spread * math.sqrt((seeds - 1) / float(chdtri(seeds - 1, confidence)))
