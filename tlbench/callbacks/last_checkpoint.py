"""Writes `last.ckpt`, from which the same command goes on: by epochs, by minutes, and when a signal asks to stop."""

# ruff: noqa: ARG002 (hooks have Lightning's signatures)
from __future__ import annotations

import signal
from pathlib import Path
from time import monotonic
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.utilities.types import STEP_OUTPUT

from tlbench.system.interrupts import Interrupted, Signals


class LastCheckpoint(Checkpoint):
    """Saves the whole state of training; of several processes all take part and the first writes.

    In the middle of an epoch it saves after a batch, but never after the epoch's last: Lightning would take the
    validation that follows for done. A signal then, or during validation, waits for the end of the epoch.

    Args:
        path: Where the checkpoint goes; the one before is kept beside it (see `results.checkpoints`).
        every_n_epochs: Epochs between two checkpoints, ≥ 1; the last epoch always gets one.
        every_n_minutes: Minutes between two; None: never in the middle of an epoch, unless a signal asks to stop.
        signals: SIGINT and SIGTERM, noted while training.
    """

    def __init__(self, path: Path, *, every_n_epochs: int, every_n_minutes: float | None, signals: Signals) -> None:
        self._path = path
        self._every_n_epochs = every_n_epochs
        self._seconds = None if every_n_minutes is None else 60 * every_n_minutes
        self._signals = signals
        self._saved_at = monotonic()
        self._saved_step = -1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let signals wait from now on; Lightning has put its own handler of SIGTERM before ours."""
        self._signals.install()
        self._signals.deferred = True
        self._saved_at = monotonic()
        self._saved_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: STEP_OUTPUT, batch: Any, batch_idx: int
    ) -> None:
        """Save if it is time, or if a signal waits."""
        if batch_idx + 1 >= trainer.num_training_batches:
            return
        stop = self._any(trainer, self._signals.pending is not None)
        due = self._seconds is not None and self._any(trainer, monotonic() - self._saved_at >= self._seconds)
        if stop or due:
            self._save(trainer)
        if stop:
            self._stop()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save after the epochs that are due, after the last, and if a signal waits."""
        stop = self._any(trainer, self._signals.pending is not None)
        done = trainer.current_epoch + 1
        due = stop or done % self._every_n_epochs == 0 or done == trainer.max_epochs or trainer.should_stop
        # Lightning ends once more the epoch at whose end a run is resumed: the checkpoint before stays what it is
        if due and trainer.global_step != self._saved_step:
            self._save(trainer)
        if stop:
            self._stop()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Signals wait no more: all that was trained is saved."""
        self._signals.deferred = False
        self._signals.raise_if_pending()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Handle signals here too; Lightning has put its own handler of SIGTERM before ours."""
        self._signals.install()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Nothing waits for the next batch any more."""
        self._signals.deferred = False

    def _save(self, trainer: Trainer) -> None:
        for logger in trainer.loggers:
            logger.save()  # a kill loses what still waits to be written, and what goes on from here logs it no more
        trainer.save_checkpoint(self._path)
        self._saved_at = monotonic()
        self._saved_step = trainer.global_step

    def _stop(self) -> None:
        self._signals.raise_if_pending()
        raise Interrupted(signal.SIGTERM)  # another process was asked

    @staticmethod
    def _any(trainer: Trainer, own: bool) -> bool:
        """Whether it is so in any process."""
        return own if trainer.world_size == 1 else trainer.strategy.reduce_boolean_decision(own, all=False)
