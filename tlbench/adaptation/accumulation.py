"""Optimizer steps on the summed gradients of several batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor, nn

from tlbench.config import OptimizerConfig

KEY = "accumulated_gradients"


def batches_per_step(config: OptimizerConfig, batch_size: int) -> int:
    """Batches whose gradients one optimizer step uses: as many as come nearest to the nominal batch, at least 1."""
    return 1 if config.nominal_batch is None else max(round(config.nominal_batch / batch_size), 1)


def decay_scale(config: OptimizerConfig, batch_size: int) -> float:
    """Factor of the weight decay: images that a step uses over those of the nominal batch.

    A step's summed gradient grows with its images, so that what pulls the other way does too (as in ultralytics).
    """
    if config.nominal_batch is None:
        return 1.0
    return batch_size * batches_per_step(config, batch_size) / config.nominal_batch


def steps_of(batches: int, window: int, warmup_batches: int) -> int:
    """Optimizer steps of a run.

    Args:
        batches: Of the run.
        window: As `Accumulation.batches`.
        warmup_batches: As there.
    """
    rule, steps = Accumulation(window, warmup_batches), 0
    for number in range(batches):
        rule.waiting += 1
        if rule.waiting >= rule.window(number):
            rule.waiting, steps = 0, steps + 1
    return steps


@dataclass
class Accumulation:
    """Which batches end with an optimizer step, and the gradients of those since the last one.

    Gradients are summed, not averaged. A window of batches may reach over the end of an epoch; one that the run's end
    cuts off takes no step. During warm-up the window grows from 1 batch to its length, rounded (as in ultralytics).

    Gradients wait where autograd puts them, in the parameters' `grad`. Parameters that are unfrozen within a window
    have those of its remaining batches. Under DDP each backward averages over the processes, so that all of them hold
    the same sum.

    Attributes:
        batches: Length of a window, ≥ 1.
        warmup_batches: Batches of the global warm-up.
        waiting: Batches since the last step, whose gradients wait.
    """

    batches: int = 1
    warmup_batches: int = 0
    waiting: int = 0
    _restored: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def window(self, number: int) -> int:
        """The length of the window that a batch of the run (0-based) stands in."""
        if number >= self.warmup_batches:
            return self.batches
        return max(1, round(float(np.interp(number, [0, self.warmup_batches], [1, self.batches]))))

    def due(self, number: int) -> bool:
        """Whether a step follows this batch of the run (0-based)."""
        return self.waiting + 1 >= self.window(number)

    def take_up(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        """Put gradients from a checkpoint back in place; call it before the first backward, on the final device."""
        if not self._restored:
            return
        for name, parameter in parameters:
            if name in self._restored:
                parameter.grad = self._restored[name].to(parameter.device)
        self._restored = {}

    def save(self, parameters: Iterable[tuple[str, nn.Parameter]], checkpoint: dict[str, Any]) -> None:
        """Put an open window into a checkpoint: its batches so far and their gradients by parameter name."""
        if self.waiting:
            own = {name: parameter.grad.detach() for name, parameter in parameters if parameter.grad is not None}
            checkpoint[KEY] = {"batches": self.waiting, "gradients": self._restored or own}

    def restore(self, checkpoint: dict[str, Any]) -> None:
        """Go on in the window of a checkpoint, if one was open."""
        found = checkpoint.get(KEY)
        if found is not None:
            self.waiting, self._restored = found["batches"], dict(found["gradients"])
