"""Early stopping that counts anew in each stage."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from tlbench.callbacks.gradual_unfreezing import GradualUnfreezing


class StageEarlyStopping(EarlyStopping):
    """Ends the run when the monitored metric has not improved for `patience` epochs of the last stage.

    Each stage is watched from its own beginning, as unfreezing may cost a few epochs before it pays. A stage before
    the last is never the run's end: its strategy ends it by epochs or, with `stalls_end_stages`, this patience.

    A run that had stopped and is taken up again stays stopped. A metric that is not a number is no improvement.

    Args:
        unfreezing: Knows the stages; list it before this callback.
        monitor: The validation metric.
        mode: Its direction.
        patience: Epochs without improvement, ≥ 1.
        min_delta: The least change that counts as an improvement.
        stalls_end_stages: Whether running out of patience begins the next stage.
    """

    def __init__(
        self,
        unfreezing: GradualUnfreezing,
        *,
        monitor: str,
        mode: str,
        patience: int,
        min_delta: float,
        stalls_end_stages: bool,
    ) -> None:
        super().__init__(
            monitor=monitor,
            mode=mode,
            patience=patience,
            min_delta=min_delta,
            check_finite=False,  # it would end the run without using up patience, so that a resumed run went on
            check_on_train_epoch_end=False,
        )
        self._unfreezing = unfreezing
        self._stalls_end_stages = stalls_end_stages
        self._stage = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop at once where patience had run out."""
        super().on_train_start(trainer, pl_module)
        if self._unfreezing.in_last_stage and self._stage == self._unfreezing.number and self._out_of_patience:
            trainer.should_stop = True

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Count anew where a stage has begun."""
        if self._stage != self._unfreezing.number:
            self._stage = self._unfreezing.number
            self.wait_count = 0
            self.stopped_epoch = 0
            self.best_score = torch.tensor(torch.inf if self.mode == "min" else -torch.inf)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the epoch's metric."""
        super().on_validation_end(trainer, pl_module)
        if not self._unfreezing.in_last_stage:
            trainer.should_stop = False
            if self._stalls_end_stages and self._out_of_patience:
                self._unfreezing.begin_next()

    def state_dict(self) -> dict[str, Any]:
        """Lightning's, and the stage that is watched."""
        return {**super().state_dict(), "stage": self._stage}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the count of the run that is resumed."""
        super().load_state_dict(state_dict)
        self._stage = state_dict["stage"]

    @property
    def _out_of_patience(self) -> bool:
        return self.wait_count >= self.patience
