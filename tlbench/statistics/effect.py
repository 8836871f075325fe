"""How large a difference is, whatever its unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def hedges_gz(d: Sequence[float]) -> float | None:
    """Mean ÷ standard deviation of paired differences, with Hedges' correction for few of them (Hedges 1981).

    Args:
        d: Differences; None is returned for fewer than three, of which the correction leaves nothing, or equal ones.
    """
    if len(d) < 3 or (spread := float(np.std(d, ddof=1))) == 0:
        return None
    return float(np.mean(d)) / spread * (1 - 3 / (4 * (len(d) - 1) - 1))


def superiority(d: Sequence[float]) -> float | None:
    """P(A > B): the share of pairs in which the first arm is ahead, ties counted half (Bouthillier et al. 2021).

    Args:
        d: First minus second, one a pair; None without any.
    """
    return float(np.mean([(x > 0) + 0.5 * (x == 0) for x in d])) if len(d) else None
