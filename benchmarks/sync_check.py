"""Prove on a CUDA device that a training step never makes the host wait for it."""
# ruff: noqa: ARG002 (hooks have Lightning's signatures)

from __future__ import annotations

import tempfile
import traceback
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from benchmarks.pipeline import build, in_memory, training_images
from tlbench.config import TrainConfig

WARM_UP, CHECKED = 8, 32
STEPS = WARM_UP + CHECKED + 1
"""Of the epoch; fewer than `callbacks.check_finite_every_n_steps`, at which the losses are read back on purpose."""


class Strict(Callback):
    """From the end of the warm-up's last step to the end of the last checked one, a synchronisation is an error.

    Fetching the batch, augmentation, forward, backward, optimizer, schedule, metrics, logging and callbacks all lie
    between these two moments.
    """

    def __init__(self) -> None:
        self.checked = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Switch on, count, switch off."""
        steps = batch_idx + 1
        if steps == WARM_UP:
            torch.cuda.set_sync_debug_mode("error")
        elif WARM_UP < steps <= WARM_UP + CHECKED:
            self.checked += 1
        if steps == WARM_UP + CHECKED:
            torch.cuda.set_sync_debug_mode("default")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Let Lightning clean up, which synchronises."""
        torch.cuda.set_sync_debug_mode("default")


def sync_check(config: TrainConfig) -> int:
    """Train one epoch of `STEPS` steps and say what was found; returns the exit code."""
    _, images = training_images(config, STEPS)
    strict = Strict()
    try:
        with tempfile.TemporaryDirectory() as folder:
            build(config, in_memory(images), Path(folder)).fit(strict)
    except RuntimeError as error:
        if "synchronizing CUDA operation" not in str(error):
            raise
        traceback.print_exc()
        print(f"sync check: FAILED: step {WARM_UP + strict.checked + 1} synchronises, see the last lines above")
        return 1
    precision, batch = config.trainer.precision, config.data.batch_size
    print(f"sync check: {strict.checked} steps (batch {batch}, {precision}) without a host–device synchronisation")
    return 0
