"""Freezes BatchNorm while the weights around it train."""

# ruff: noqa: ARG002 (hooks have Lightning's signatures)
from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lightning.pytorch import Callback, LightningModule, Trainer

from tlbench.adaptation.freezing import BatchNormPolicy

if TYPE_CHECKING:
    from tlbench.tasks.base import Task


class FreezeBatchNorm(Callback):
    """Keeps the source's BatchNorm statistics, and on demand its affine weights, in all layer groups.

    For small batches, whose statistics are too noisy to normalise by. Frozen layer groups need it not: their BatchNorm
    is frozen anyway.

    Args:
        policy: `statistics`: running mean and variance stay and normalise; weight and bias train.
            `statistics_and_affine`: weight and bias stay as well.
    """

    def __init__(self, policy: BatchNormPolicy) -> None:
        self.policy: BatchNormPolicy = policy

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Freeze; it lasts over all stages and is applied again whenever train mode is entered."""
        cast("Task", pl_module).freezing.freeze_batch_norm(self.policy)
