"""A mean with its standard error, and what Student's t says of it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A mean, the standard error of that mean, and the degrees of freedom that the error was estimated with.

    Attributes:
        mean: In the metric's own unit.
        error: Standard error of the mean, ≥ 0, in the same unit.
        df: Degrees of freedom, > 0; need not be whole (Satterthwaite 1946).
    """

    mean: float
    error: float
    df: float

    def half_width(self, confidence: float) -> float:
        """Half of the t interval's width; `confidence` lies in (0, 1)."""
        from scipy.special import stdtrit  # heavy: a study's configuration is checked before

        if not 0 < confidence < 1:
            raise ValueError(f"confidence={confidence}: must lie in (0, 1)")
        return float(stdtrit(self.df, (1 + confidence) / 2)) * self.error

    def interval(self, confidence: float) -> tuple[float, float]:
        """Lower and upper end of the t interval."""
        half = self.half_width(confidence)
        return self.mean - half, self.mean + half

    @property
    def p(self) -> float:
        """Two-sided p-value of "the mean is zero"; without any error 0, or 1 where the mean is zero."""
        return 2 * self.tail(0) if self.mean >= 0 else 2 * (1 - self.tail(0))

    def tail(self, bound: float) -> float:
        """One-sided p-value of "the mean is at most `bound`"."""
        from scipy.special import stdtr

        if self.error == 0:
            return 0.5 if self.mean == bound else float(self.mean < bound)
        return float(stdtr(self.df, (bound - self.mean) / self.error))

    def beyond(self, margin: float) -> float:
        """P-value of "the mean lies outside ± margin": two one-sided tests (Schuirmann 1987).

        Args:
            margin: > 0, in the unit of the mean.
        """
        if margin <= 0:
            raise ValueError(f"margin={margin}: must be greater than 0")
        return max(self.tail(-margin), Estimate(-self.mean, self.error, self.df).tail(-margin))


def wider(a: Estimate, b: Estimate, confidence: float) -> Estimate:
    """The one with the wider interval; the first where both are as wide."""
    return b if b.half_width(confidence) > a.half_width(confidence) else a


def satterthwaite(parts: list[tuple[float, float]], total: float) -> float:
    """Degrees of freedom of a sum of independent variance estimates (Satterthwaite 1946).

    Args:
        parts: Each part's variance and degrees of freedom.
        total: Their sum, or the larger value that stands for it.

    Returns:
        Those of `total`; infinite where every part is zero.
    """
    below = sum(variance**2 / df for variance, df in parts)
    return total**2 / below if below > 0 else math.inf
