"""Several comparisons of one study: p-values and intervals that hold for all of them together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float]) -> list[float]:
    """P-values adjusted by Holm's step-down method (Holm 1979), in the given order.

    Args:
        p: Each in [0, 1].
    """
    values = np.asarray(p, dtype=float)
    order = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * values[order]), 1.0)
    return adjusted.tolist()


def simultaneous(confidence: float, comparisons: int) -> float:
    """The confidence of each of several intervals with which all hold together (Bonferroni).

    Args:
        confidence: Of all together, in (0, 1).
        comparisons: At least 1.
    """
    return 1 - (1 - confidence) / comparisons
