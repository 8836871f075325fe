"""What a trainer is given, kept batch by batch."""

from __future__ import annotations

from typing import Any

import torch
from lightning import LightningModule, Trainer
from torch import Tensor


class Recorder(LightningModule):
    """Keeps every batch it is given, with the stage and the epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen: list[tuple[str, int, Any]] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.seen.append(("train", self.current_epoch, batch))
        return self.layer(torch.ones(1)).sum()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.seen.append(("val", self.current_epoch, batch))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.seen.append(("test", self.current_epoch, batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def quiet_trainer() -> Trainer:
    """Of two epochs, on the CPU."""
    return Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=2,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
