"""The one global learning-rate schedule, and what each layer group makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tlbench.config import OptimizerConfig


@dataclass
class GroupFactor:
    """The factor of one optimizer group's learning rate by training step (0-based), for `LambdaLR`.

    The global schedule is a linear warm-up (Goyal et al. 2017, arXiv:1706.02677; step 0 already moves), then a cosine
    to 0 (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts) or a constant. `linear` is ultralytics': epoch
    e of E has the factor (1 − e/E) · (1 − final) + final in all of its steps, and in the warm-up, step s of w has s/w
    of that, so that step 0 has the rate 0 and step w its epoch's.

    A group that is frozen has the factor 0; from its unfreezing on, the global factor is multiplied by a linear warm-up
    of its own.

    `LambdaLR` keeps the attributes in checkpoints, so they are plain numbers and text.

    Attributes:
        name: `cosine`, `constant` or `linear`.
        warmup_steps: Steps of the global warm-up.
        total_steps: All steps of the run, > 0.
        group_warmup_steps: Steps of a group's own warm-up, if it is unfrozen after the run's beginning.
        unfrozen_at: The step from which on the group trains; None: it is frozen.
        epoch_steps: Steps of an epoch, > 0; for `linear`.
        final: The factor that `linear` goes to, in (0, 1].
    """

    name: Literal["cosine", "constant", "linear"]
    warmup_steps: int
    total_steps: int
    group_warmup_steps: int = 0
    unfrozen_at: int | None = 0
    epoch_steps: int = 1
    final: float = 1.0

    def __call__(self, step: int) -> float:
        """The factor in [0, 1]."""
        if self.unfrozen_at is None:
            return 0.0
        return self.global_factor(step) * self._own_warmup(step)

    def global_factor(self, step: int) -> float:
        """The global schedule alone."""
        if self.name == "linear":
            return self._linear(step)
        if step < self.warmup_steps:
            return (step + 1) / (self.warmup_steps + 1)
        if self.name == "constant":
            return 1.0
        progress = (step - self.warmup_steps) / max(self.total_steps - self.warmup_steps, 1)
        return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))

    def _linear(self, step: int) -> float:
        epoch, epochs = step // self.epoch_steps, self.total_steps // self.epoch_steps
        factor = max(1 - epoch / epochs, 0.0) * (1 - self.final) + self.final
        return factor * step / self.warmup_steps if step < self.warmup_steps else factor

    def _own_warmup(self, step: int) -> float:
        if not self.unfrozen_at:  # the global warm-up is enough from the run's beginning on
            return 1.0
        return min((step - self.unfrozen_at + 1) / (self.group_warmup_steps + 1), 1.0)


def warmup_steps(config: OptimizerConfig, epoch_steps: int, max_epochs: int) -> int:
    """Steps of the global warm-up; with `linear` the last epoch, at least, is left to the schedule itself.

    Args:
        config: The optimizer's configuration.
        epoch_steps: Steps of an epoch.
        max_epochs: Epochs of the run.
    """
    epochs = min(config.warmup_epochs, max_epochs - 1) if config.schedule == "linear" else config.warmup_epochs
    return round(epochs * epoch_steps)


def group_factor(
    config: OptimizerConfig,
    epoch_steps: int,
    max_epochs: int,
    group_warmup_steps: int = 0,
    unfrozen_at: int | None = 0,
) -> GroupFactor:
    """The factor of a group under a configuration.

    Args:
        config: The optimizer's configuration.
        epoch_steps: Steps of an epoch.
        max_epochs: Epochs of the run.
        group_warmup_steps: See `GroupFactor`.
        unfrozen_at: See `GroupFactor`.
    """
    return GroupFactor(
        name=config.schedule,
        warmup_steps=warmup_steps(config, epoch_steps, max_epochs),
        total_steps=epoch_steps * max_epochs,
        group_warmup_steps=group_warmup_steps,
        unfrozen_at=unfrozen_at,
        epoch_steps=epoch_steps,
        final=1.0 if config.final_lr is None else config.final_lr,
    )
