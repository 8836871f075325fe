"""Tells how far a run is, in a small file that a study's command and `tlbench status` read."""

# ruff: noqa: ARG002 (hooks have Lightning's signatures)
from __future__ import annotations

import math
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.utilities.types import STEP_OUTPUT

from tlbench.callbacks.progress import planned_epochs
from tlbench.callbacks.training_clock import TrainingClock
from tlbench.processes.rank import is_first_process
from tlbench.records.progress import Progress, lock_token, write_progress

_EVERY_S = 1.0
"""Between two writes, but for the first of training and of the test."""

_SHARE = 100
"""How many times as long as a write takes the next one waits at least: it costs at most a hundredth of the time."""


class ProgressFile(Callback):
    """Keeps `progress.json` in the run's folder, written at most once a second.

    Nothing is read from the device within an epoch.

    The time left is that of the steps to come, at the pace of those since this process took the run up, and of the
    validations to come, each as long as those that it has made; before the first a batch of validation counts as one of
    training. The test counts as a validation of as many images. `limit` cuts training short.

    List it after `RunProgress`, which waits for the device before validation, and before the checkpoints.

    Args:
        folder: The run's.
        best: Knows the best value so far; None: it is not told.
        clock: Counts the seconds of training over all resumptions.
        limit: Of these seconds; None: there is none.
        tested: Whether a test follows.
    """

    def __init__(
        self,
        folder: Path,
        best: ModelCheckpoint | None = None,
        clock: TrainingClock | None = None,
        *,
        limit: float | None = None,
        tested: bool = True,
    ) -> None:
        self._folder, self._best, self._clock = folder, best, clock
        self._limit, self._tested = limit, tested
        self._token = ""
        self._fitting = False
        self._began = self._mark = self._next = 0.0
        self._train_s = self._val_s = self._test_s = 0.0
        self._first_step = self._steps = self._epochs = self._epoch = self._validations = 0
        self._validated = False
        self._value: float | None = None
        self._monitor = ""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin where the run stands."""
        self._fitting, self._token = True, lock_token(self._folder)
        self._began = self._mark = monotonic()
        self._train_s = self._val_s = 0.0
        self._validations = 0
        self._first_step, self._steps = trainer.global_step, int(trainer.estimated_stepping_batches)
        self._epochs, self._monitor = planned_epochs(trainer), str(pl_module.monitor)
        self._note_best()
        self._epoch = trainer.current_epoch + 1
        self._write("fit", None)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Another epoch, not yet validated."""
        self._epoch, self._validated = trainer.current_epoch + 1, False

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: STEP_OUTPUT, batch: Any, batch_idx: int
    ) -> None:
        """Tell it if it is time."""
        if monotonic() >= self._next:
            self._pass_on(validating=False)
            self._write("fit", self._left(trainer))

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """What has passed was training."""
        if self._fitting:
            self._pass_on(validating=False)

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: STEP_OUTPUT, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Tell it if it is time."""
        if self._fitting and monotonic() >= self._next:
            self._write("validate", self._left(trainer, monotonic() - self._mark))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """What has passed was validation."""
        if self._fitting:
            self._pass_on(validating=True)
            self._validations += 1
            self._validated = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the best value so far, and tell it if it is time."""
        self._note_best()
        self._validated = True  # where validation is left out in this epoch, too
        if monotonic() >= self._next:
            self._pass_on(validating=False)
            self._write("fit", self._left(trainer))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Training is over; how long the test takes is kept."""
        self._test_s = self._test(trainer)
        self._fitting = False

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the test."""
        self._mark = monotonic()
        if not self._epochs:  # nothing was left to train
            self._token, self._began = lock_token(self._folder), self._mark
        self._write("test", self._test_s or None)

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: STEP_OUTPUT, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Tell it if it is time."""
        if monotonic() >= self._next:
            rate = (monotonic() - self._mark) / (batch_idx + 1)
            self._write("test", rate * (sum(trainer.num_test_batches) - batch_idx - 1))

    def _pass_on(self, *, validating: bool) -> None:
        """Count the time since the last look."""
        now = monotonic()
        if validating:
            self._val_s += now - self._mark
        else:
            self._train_s += now - self._mark
        self._mark = now

    def _left(self, trainer: Trainer, of_validation: float = 0.0) -> float | None:
        """Seconds left, `of_validation` into one; None before the first step of this process."""
        done, steps = trainer.global_step - self._first_step, self._steps - trainer.global_step
        if done <= 0:
            return None
        training = self._train_s / done * max(steps, 0)
        epochs = max(self._epochs - self._epoch + (not self._validated), 0) / (trainer.check_val_every_n_epoch or 1)
        fit = training + max(self._validation(trainer) * epochs - of_validation, 0.0)
        if self._limit is not None and self._clock is not None:
            fit = min(fit, max(self._limit - self._clock.seconds, 0.0))
        return fit + self._test(trainer)

    def _validation(self, trainer: Trainer) -> float:
        """Seconds of one."""
        if self._validations:
            return self._val_s / self._validations
        batches = (trainer.global_step - self._first_step) * trainer.accumulate_grad_batches
        return self._train_s / batches * sum(trainer.num_val_batches) if batches > 0 else 0.0

    def _test(self, trainer: Trainer) -> float:
        """Seconds of the test, by its number of images; 0 where none follows."""
        target = getattr(getattr(trainer, "datamodule", None), "target", None)
        if not self._tested or target is None or not len(target.splits["val"]):
            return 0.0
        return self._validation(trainer) * len(target.splits["test"]) / len(target.splits["val"])

    def _note_best(self) -> None:
        score = None if self._best is None else self._best.best_model_score
        value = None if score is None else float(score)
        self._value = value if value is not None and math.isfinite(value) else None

    def _write(self, phase: Literal["fit", "validate", "test"], left: float | None) -> None:
        if not is_first_process():
            return
        now = monotonic()
        content = Progress(
            phase=phase,
            epoch=min(self._epoch, self._epochs),
            of=self._epochs,
            seconds=max(now - self._began, 0.0),
            left_s=left,
            monitor=self._monitor[:200],
            value=self._value,
            token=self._token,
        )
        write_progress(self._folder, content)
        self._next = now + max(_EVERY_S, _SHARE * (monotonic() - now))
