"""What a study can find: power of a t test, the smallest difference that it detects, seeds needed."""

from __future__ import annotations

import functools
import math

_MOST_FREEDOM = 1e5  # degrees of freedom, from where Student's distribution is the normal one


def power(shift: float, df: float, alpha: float = 0.05) -> float:
    """Power of a two-sided t test, by the noncentral t distribution.

    Far in its lower tail, where what is left is below 1e-9, SciPy gives NaN; that is taken for 0.

    Args:
        shift: The true mean in standard errors, ≥ 0; of n paired differences √n times that in standard deviations.
        df: Degrees of freedom of the standard error, > 0.
        alpha: Of the test, in (0, 1).
    """
    from scipy.special import nctdtr, stdtrit  # heavy: a study's configuration is checked before

    df = min(df, _MOST_FREEDOM)
    critical = float(stdtrit(df, 1 - alpha / 2))
    missed, wrong_side = (float(nctdtr(df, shift, bound)) for bound in (critical, -critical))
    return 1 - (0.0 if math.isnan(missed) else missed) + (0.0 if math.isnan(wrong_side) else wrong_side)


@functools.cache
def minimal_shift(df: float, alpha: float = 0.05, wanted: float = 0.8) -> float:
    """The smallest true mean that is found with the wanted power, in standard errors.

    Args:
        df: Degrees of freedom of the standard error, > 0.
        alpha: Of the test.
        wanted: Power, in (alpha, 1).
    """
    from scipy.optimize import brentq

    most = 1.0
    while power(most, df, alpha) < wanted:
        most *= 2
    return float(brentq(lambda shift: power(shift, df, alpha) - wanted, 0.0, most, xtol=1e-12))


def seeds_needed(
    mean: float, spread: float, images: float = 0.0, alpha: float = 0.05, wanted: float = 0.8, most: int = 1000
) -> int | None:
    """The fewest seeds that find a mean difference with the wanted power; None: more than `most`, or none do.

    Args:
        mean: The true mean difference, > 0.
        spread: Standard deviation of the differences over seeds, > 0.
        images: Variance of the mean that comes from the test images, which more seeds do not lessen, ≥ 0.
        alpha: Of the test.
        wanted: Power, in (alpha, 1).
        most: Where the search ends.
    """

    def found(n: int) -> bool:
        return mean >= minimal_shift(n - 1, alpha, wanted) * math.sqrt(spread**2 / n + images)

    low, high = 2, most
    if not found(high):
        return None
    while low < high:  # both factors fall with the seeds
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle + 1, high)
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
