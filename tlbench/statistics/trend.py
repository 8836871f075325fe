"""Whether curves of several runs still rise at their end, and what twice as long a training would add."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tlbench.statistics.estimate import Estimate

_LEAST = 3
"""Values of a curve that a slope and its noise are found from."""


def doubling_gain(curves: Sequence[tuple[Sequence[int], Sequence[float]]]) -> Estimate | None:
    """What a doubling of the epochs would add, if curves went on as in the last third of their epochs.

    Over the last third, though at least three values, each curve is taken for a + b · log2(epoch): of the families in
    which learning curves are extrapolated (Domhan et al. 2015, IJCAI) the one that is still linear. A line in the
    epochs themselves would promise three times the last third's rise, this one 1.7 times. All curves share b, each has
    an a of its own; the error of b is that of least squares, from how curves scatter about it.

    Args:
        curves: Of each run the numbers of its epochs, from 1 and rising, and as many finite values.

    Returns:
        b with its error, in the values' own unit; None where no curve has three values.
    """
    xs, ys = [], []
    for epochs, values in curves:
        count = max(_LEAST, math.ceil(len(values) / 3))
        if len(values) >= _LEAST:
            x, y = np.log2(np.asarray(epochs[-count:], dtype=float)), np.asarray(values[-count:], dtype=float)
            xs.append(x - np.mean(x))
            ys.append(y - np.mean(y))
    if not xs:
        return None
    x, y = np.concatenate(xs), np.concatenate(ys)
    spread = float(x @ x)
    slope = float(x @ y) / spread
    df = len(x) - len(xs) - 1
    return Estimate(slope, math.sqrt(float(np.sum((y - slope * x) ** 2)) / df / spread), df)
