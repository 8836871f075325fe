"""Two short fits of ResNet-18 on digits, from both embedded sources, with all that their training saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from tests.commands import TINY, Outcome, train
from tlbench.tasks.classification.task import ClassificationTask

SOURCES = ("tin200", "random")

OVERRIDES = (*TINY, "optimizer.lr=1e-4", "logger.mistakes=4")
"""At a low rate, so that the rounding of another processor does not grow."""


@dataclass
class Fit:
    """A finished run.

    Attributes:
        batches: Images, targets and indices of each training step, as the network got them.
        heads: The head's weights before each step.
        losses: The loss of each step.
    """

    folder: Path
    outcome: Outcome | None = None
    batches: list[tuple[Tensor, ...]] = field(default_factory=list)
    heads: list[Tensor] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


def fit(folder: Path, *overrides: str) -> Fit:
    """Run the command, looking over the training step's shoulder."""
    seen = Fit(folder)
    training_step = ClassificationTask.training_step

    def watched(self: Any, batch: Any, batch_idx: int) -> Tensor:
        seen.batches.append(tuple(part.clone() for part in batch))
        seen.heads.append(list(self.network.parameters())[-2].detach().clone())
        loss = training_step(self, batch, batch_idx)
        seen.losses.append(loss.item())
        return loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClassificationTask, "training_step", watched)
        seen.outcome = train(*overrides, f"hydra.run.dir={folder}")
    return seen


def fit_both(folder: Path) -> dict[str, Fit]:
    """Two epochs of two steps from each source."""
    return {source: fit(folder / source, *OVERRIDES, f"source={source}") for source in SOURCES}
