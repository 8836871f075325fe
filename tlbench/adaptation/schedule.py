"""The one global learning-rate schedule, as a factor of each group's own rate."""

from __future__ import annotations

import math
from collections.abc import Callable


def schedule(name: str, warmup_steps: int, total_steps: int) -> Callable[[int], float]:
    """Factor in [0, 1] by optimizer step (0-based): linear warm-up, then cosine to 0 or constant.

    Args:
        name: `cosine` (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts) or `constant`.
        warmup_steps: Steps of linear warm-up (Goyal et al. 2017, arXiv:1706.02677); step 0 already moves.
        total_steps: All steps of the run, > 0.
    """

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        if name == "constant":
            return 1.0
        progress = (step - warmup_steps) / max(total_steps - warmup_steps, 1)
        return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))

    return factor
