"""Counts the seconds of training over all of a run's resumptions, and ends the run when they are used up."""

# ruff: noqa: ARG002 (hooks have Lightning's signatures)
from __future__ import annotations

from time import monotonic
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback


class TrainingClock(Callback):
    """Keeps when each epoch ended, and stops at the end of the one in which a limit is reached.

    What counts is all between the beginning of `fit` and the end of an epoch: features of a frozen network, training,
    validation, checkpoints; neither reading the data nor the test. The count is in every checkpoint, and a resumed run
    goes on from it. What a killed run did after its last checkpoint is lost and done again, so it counts once. Of
    several processes the first one's clock decides for all.

    List it before what computes features, and before `LastCheckpoint`, which saves what it decides.

    Args:
        limit: Seconds, > 0; None: there is no limit.

    Attributes:
        epoch_ends: The count at the end of each epoch.
        used_up: Whether the limit ended the run, before the last of its epochs.
    """

    def __init__(self, limit: float | None = None) -> None:
        self._limit = limit
        self._before = 0.0
        self._since: float | None = None
        self._step = 0
        self.epoch_ends: list[float] = []
        self.used_up = False

    @property
    def seconds(self) -> float:
        """The count so far."""
        return self._before + (0.0 if self._since is None else monotonic() - self._since)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin, or go on."""
        self._since = monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that the limit had ended stays ended."""
        if self.used_up:
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the end, and stop if it is time and there would be another epoch."""
        if trainer.global_step == self._step:
            return  # Lightning may end once more the epoch at whose end a run is resumed
        self._step = trainer.global_step
        self.epoch_ends.append(self.seconds)
        if self._limit is None or trainer.current_epoch + 1 == trainer.max_epochs:
            return
        self.used_up = trainer.strategy.broadcast(self.epoch_ends[-1] >= self._limit)
        if self.used_up:
            trainer.should_stop = True

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stand still."""
        self._before, self._since = self.seconds, None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Stand still."""
        self._before, self._since = self.seconds, None

    def state_dict(self) -> dict[str, Any]:
        """The count, as plain numbers."""
        ends = list(self.epoch_ends)
        return {"seconds": self.seconds, "step": self._step, "epoch_ends": ends, "used_up": self.used_up}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the count of the run that is resumed."""
        self._before = state_dict["seconds"]
        self._step = state_dict["step"]
        self.epoch_ends = list(state_dict["epoch_ends"])
        self.used_up = state_dict["used_up"]
