"""The one global learning-rate schedule, and what each layer group makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass
class GroupFactor:
    """The factor of one optimizer group's learning rate by optimizer step (0-based), for `LambdaLR`.

    The global schedule is a linear warm-up (Goyal et al. 2017, arXiv:1706.02677; step 0 already moves), then a cosine
    to 0 (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts) or a constant. A group that is frozen has the
    factor 0; from its unfreezing on, the global factor is multiplied by a linear warm-up of its own.

    `LambdaLR` keeps the attributes in checkpoints, so they are plain numbers and text.

    Attributes:
        name: `cosine` or `constant`.
        warmup_steps: Steps of the global warm-up.
        total_steps: All steps of the run, > 0.
        group_warmup_steps: Steps of a group's own warm-up, if it is unfrozen after the run's beginning.
        unfrozen_at: The step from which on the group trains; None: it is frozen.
    """

    name: Literal["cosine", "constant"]
    warmup_steps: int
    total_steps: int
    group_warmup_steps: int = 0
    unfrozen_at: int | None = 0

    def __call__(self, step: int) -> float:
        """The factor in [0, 1]."""
        if self.unfrozen_at is None:
            return 0.0
        return self.global_factor(step) * self._own_warmup(step)

    def global_factor(self, step: int) -> float:
        """The global schedule alone."""
        if step < self.warmup_steps:
            return (step + 1) / (self.warmup_steps + 1)
        if self.name == "constant":
            return 1.0
        progress = (step - self.warmup_steps) / max(self.total_steps - self.warmup_steps, 1)
        return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))

    def _own_warmup(self, step: int) -> float:
        if not self.unfrozen_at:  # the global warm-up is enough from the run's beginning on
            return 1.0
        return min((step - self.unfrozen_at + 1) / (self.group_warmup_steps + 1), 1.0)
