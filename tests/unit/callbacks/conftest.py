"""A task of one linear layer, trained for a few steps: what the callbacks need to see of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

BATCH = 4


class TinyTask(LightningModule):
    """Logs as tlbench's tasks do: the loss per step, other metrics at the end of the epoch."""

    monitor = "val/oa"
    mode = "max"

    def __init__(self, bad_step: int | None = None, bad_value: float = float("nan")) -> None:
        super().__init__()
        self.net = nn.Linear(3, 2)
        self.bad_step, self.bad_value = bad_step, bad_value
        self.correct: list[Tensor] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss, correct = self._evaluate(batch)
        self.correct.append(correct)
        if self.global_step == self.bad_step:
            loss = loss * self.bad_value
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=BATCH)
        return loss

    def on_train_epoch_end(self) -> None:
        self._log_oa("train")

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss, correct = self._evaluate(batch)
        self.correct.append(correct)
        self.log("val/loss", loss, on_step=False, on_epoch=True, batch_size=BATCH)

    def on_validation_start(self) -> None:
        self.train_correct, self.correct = self.correct, []

    def on_validation_epoch_end(self) -> None:
        self._log_oa("val")
        self.correct = self.train_correct

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate(batch)

    def configure_optimizers(self) -> Any:
        groups = [
            {"name": "stem/decay", "params": [self.net.weight], "lr": 0.1},
            {"name": "stem/no_decay", "params": [], "lr": 0.1},
            {"name": "head/decay", "params": [], "lr": 0.4},
            {"name": "head/no_decay", "params": [self.net.bias], "lr": 0.4},
        ]
        optimizer = torch.optim.SGD(groups)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _evaluate(self, batch: Any) -> tuple[Tensor, Tensor]:
        images, labels, _ = batch
        logits = self.net(images.mean(dim=(2, 3)))
        return nn.functional.cross_entropy(logits, labels), logits.argmax(dim=1) == labels

    def _log_oa(self, split: str) -> None:
        self.log(f"{split}/oa", torch.cat([torch.zeros(0), *self.correct]).mean())
        self.correct = []


def loader(batches: int) -> DataLoader[Any]:
    generator = torch.Generator().manual_seed(batches)
    labels = torch.arange(batches * BATCH) % 2
    images = torch.randn(len(labels), 3, 2, 2, generator=generator)
    return DataLoader(TensorDataset(images, labels, torch.arange(len(labels))), batch_size=BATCH)


@pytest.fixture
def tiny_task() -> type[TinyTask]:
    return TinyTask


@pytest.fixture
def fit(tmp_path: Path) -> Any:
    """Fits a task on CPU and returns the Trainer; errors pass through."""

    def run(
        task: LightningModule,
        callbacks: list[Callback],
        *,
        epochs: int = 2,
        train_batches: int = 3,
        val_batches: int = 2,
        resume: Path | None = None,
        **trainer_arguments: Any,
    ) -> Trainer:
        seed_everything(0, verbose=False)
        trainer_arguments = {"logger": False, "num_sanity_val_steps": 1, **trainer_arguments}
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            callbacks=callbacks,
            enable_model_summary=False,
            default_root_dir=tmp_path,
            **trainer_arguments,
        )
        trainer.fit(task, loader(train_batches), loader(val_batches), ckpt_path=resume, weights_only=True)
        return trainer

    return run
