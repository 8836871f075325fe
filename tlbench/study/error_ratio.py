"""How many errors an arm makes for each one of another: 97.4 against 93.5 % are 2.6 / 6.5 = 0.40."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tlbench.study.contrasts import ScoredArms


@dataclass(frozen=True)
class ErrorRatio:
    """Ratio of two arms' mean error rates, 1 − metric.

    Attributes:
        ratio: ≥ 0; below 1 the first arm makes fewer errors.
        low: Lower end of its interval; None where there is none.
        high: Upper end.
    """

    ratio: float
    low: float | None
    high: float | None


def error_ratio(scored: ScoredArms, a: str, b: str, metric: str) -> ErrorRatio | None:
    """The ratio over the seeds that both have; None of metrics of which 1 is no upper bound, and where b makes none.

    The interval is that of the logarithm (Katz et al. 1978), by the delta method: for small changes log(ē_a / ē_b)
    moves as the contrast −(1/ē_a) a + (1/ē_b) b of the arms' scores does. So it covers what those of differences
    cover. It is of this ratio alone, not adjusted for others.

    Args:
        scored: Both arms.
        a: The one.
        b: The other.
        metric: Such as `test/oa`.
    """
    seeds = scored.common_seeds((a, b), metric)
    if not scored.is_rate(metric) or not seeds:
        return None
    of_a, of_b = (1 - scored.mean(arm, metric, seeds) for arm in (a, b))
    if of_b <= 0:
        return None
    if of_a <= 0:
        return ErrorRatio(0.0, None, None)
    ratio = of_a / of_b
    moved = scored.contrast({a: -1 / of_a, b: 1 / of_b}, metric)
    if moved.low is None or moved.high is None:
        return ErrorRatio(ratio, None, None)
    half = (moved.high - moved.low) / 2
    return ErrorRatio(ratio, ratio * math.exp(-half), ratio * math.exp(half))
