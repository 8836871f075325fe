"""By how much the best of a curve flatters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_REACH = 3  # epochs to either side that tell what the curve is there
_FEWEST = 3  # of them, so that a line through them has something left to err by


def excess(curve: Sequence[float | None], best: int) -> float | None:
    """How far the chosen value of a curve lies above what the values around it tell of the curve there.

    The chosen value is predicted by a line through its neighbours, without itself, weighted by the tricube of their
    distance (local regression, Cleveland 1979). It errs upwards, which suits a warning: the maximum of n independent
    errors of one size exceeds the others by n/(n − 1) of what it exceeds the truth by; a sharp peak of the curve itself
    is counted; and so is what is the network's own, which was better in that epoch on any images. In simulation it says
    7 % too much of a flat curve of 20 epochs, 14 to 50 % of one that still rises.

    Args:
        curve: A value an epoch, higher is better; None or NaN where there is none.
        best: Index of the chosen one.

    Returns:
        In the unit of the curve, of either sign; None with fewer than three neighbours within three epochs, or without
        a value at `best`.
    """
    value = curve[best]
    if value is None or not math.isfinite(value):
        return None
    near = [
        (i - best, each)
        for i, each in enumerate(curve)
        if i != best and abs(i - best) <= _REACH and each is not None and math.isfinite(each)
    ]
    if len(near) < _FEWEST:
        return None
    distance, values = np.array(near).T
    root = np.sqrt((1 - (np.abs(distance) / (_REACH + 1)) ** 3) ** 3)
    line = np.stack([np.ones_like(distance), distance], axis=1)
    (at_best, _), *_ = np.linalg.lstsq(root[:, None] * line, root * values, rcond=None)
    return float(value - at_best)
