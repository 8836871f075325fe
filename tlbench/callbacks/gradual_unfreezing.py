"""Moves a run from stage to stage; strategies with one stage have just that one."""

# ruff: noqa: ARG002 (hooks have Lightning's signatures)
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from lightning.pytorch import Callback, LightningModule, Trainer

from tlbench.adaptation.stages import Stage
from tlbench.system.voice import SILENT, Voice

if TYPE_CHECKING:
    from tlbench.tasks.base import Task


class GradualUnfreezing(Callback):
    """Begins each stage at the start of its epoch, or of the epoch after the stage before has stalled.

    Unfreezing changes `requires_grad` and train mode, never the optimizer's groups: schedule, moments of what trains
    already and resuming go on as before. What is unfrozen begins with a short warm-up of its own.

    Args:
        stages: The strategy's stages, as `Task.stages`.
        voice: Tells the user that a stage begins, where there are several.

    Attributes:
        number: The stage that trains, from 0.
        first_epochs: Epochs completed when each stage begun so far began.
    """

    def __init__(self, stages: Sequence[Stage], voice: Voice = SILENT) -> None:
        self.stages = list(stages)
        self._voice = voice
        self.number = 0
        self.first_epochs = [0]
        self._next_wanted = False

    @property
    def in_last_stage(self) -> bool:
        """Whether nothing is left to unfreeze."""
        return self.number == len(self.stages) - 1

    def begin_next(self) -> None:
        """Let the next stage begin with the next epoch."""
        self._next_wanted = True

    def stage_of(self, epoch: int) -> Stage:
        """The stage in which an epoch (from 0) was trained."""
        number = max(n for n, first in enumerate(self.first_epochs) if first <= epoch)
        return self.stages[number]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Freeze; after a resume, as in the stage that was reached.

        The model may be wrapped for several processes by now: with every group trainable, as the reducer only knows
        the parameters that were so when it was made.
        """
        cast("Task", pl_module).enter_stage(self.number)
        self._tell()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the next stage where it is due."""
        if self.in_last_stage:
            return
        begins = self.stages[self.number + 1].begins
        if self._next_wanted if begins is None else trainer.current_epoch >= begins:
            self.number += 1
            self.first_epochs.append(trainer.current_epoch)
            self._next_wanted = False
            task = cast("Task", pl_module)
            task.enter_stage(self.number)
            task.start_rates(self.number, trainer.global_step)
            self._tell()

    def state_dict(self) -> dict[str, Any]:
        """Stage and history, as plain numbers."""
        return {"number": self.number, "first_epochs": list(self.first_epochs), "next_wanted": self._next_wanted}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the stage of the run that is resumed."""
        self.number = state_dict["number"]
        self.first_epochs = list(state_dict["first_epochs"])
        self._next_wanted = state_dict["next_wanted"]

    def _tell(self) -> None:
        if len(self.stages) > 1:
            stage = self.stages[self.number]
            self._voice.say(f"stage {self.number + 1}/{len(self.stages)}: {', '.join(stage.trainable)} train")
