"""Stops a run whose training loss is no longer finite, without waiting for the device at every step."""

# ruff: noqa: ARG002 (hooks have Lightning's signatures)
from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor


class NonFiniteLoss(RuntimeError):
    """The training loss became infinite or not a number.

    Args:
        message: One line: the value, where, and what may help.
        step: Global step (optimizer step), counted from 0, of the first such loss.
    """

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step


class FiniteLoss(Callback):
    """Raises `NonFiniteLoss` for the first training loss that is not finite.

    The losses stay on the device, and one copy reads them back every n steps, at the start of validation, at the end of
    a training epoch and of the fit, and whenever a checkpoint is composed. Lightning calls checkpoint callbacks after
    all others and `on_save_checkpoint` before anything is written, so no checkpoint holds weights from after such a
    loss. Gradients that overflow in 16-mixed are normal (the scaler skips those steps); an infinite loss is not.

    Args:
        check_every_n_steps: Losses kept between two read-backs, ≥ 1.
    """

    def __init__(self, check_every_n_steps: int) -> None:
        self._check_every_n_steps = check_every_n_steps
        self._step = 0
        self._unchecked: list[tuple[int, Tensor]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget what an earlier fit left."""
        self._unchecked.clear()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note the step, before the optimizer counts it."""
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: STEP_OUTPUT, batch: Any, batch_idx: int
    ) -> None:
        """Keep the step's loss (Lightning's detached copy) on the device."""
        assert isinstance(outputs, Mapping)
        self._unchecked.append((self._step, outputs["loss"]))
        if len(self._unchecked) >= self._check_every_n_steps:
            self._check(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validation comes before the end of the training epoch, and a checkpoint may follow it."""
        self._check(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check what is left of the epoch."""
        self._check(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check what is left of the fit."""
        self._check(trainer)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Covers checkpoints at any other moment: every n steps, by time, on a signal."""
        self._check(trainer)

    def _check(self, trainer: Trainer) -> None:
        if not self._unchecked:
            return
        values = torch.stack([loss for _, loss in self._unchecked]).tolist()
        for (step, _), value in zip(self._unchecked, values, strict=True):
            if not math.isfinite(value):
                raise NonFiniteLoss(_message(trainer, step, value), step)
        self._unchecked.clear()  # not before: a later attempt to save a checkpoint must fail too


def _message(trainer: Trainer, step: int, value: float) -> str:
    # schedulers keep the configured rate, before warm-up and decay, as initial_lr
    lr = max(group.get("initial_lr", group["lr"]) for opt in trainer.optimizers for group in opt.param_groups)
    precision = "" if trainer.precision == "32-true" else f"trainer.precision=32-true (now {trainer.precision}), "
    return (
        f"training loss is {value} at step {step} (counted from 0), in epoch {trainer.current_epoch + 1} "
        f"(counted from 1); try a lower optimizer.lr (now {lr:g}), a longer optimizer.warmup_epochs, {precision}"
        "and check the inputs"
    )
