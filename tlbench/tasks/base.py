"""The skeleton of every task: what a step, an epoch and a test are. A task fills in model, loss and metrics."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torchmetrics import Metric

from tlbench.adaptation.optimizer import build_optimizer
from tlbench.adaptation.parameter_groups import learning_rate_scales, parameter_groups
from tlbench.adaptation.schedule import schedule
from tlbench.config import OptimizerConfig, StrategyConfig
from tlbench.models.network import Network

Batch = tuple[Tensor, Tensor, Tensor]
"""Images (B, 3, H, W) float32, normalised; targets; sample indices (B,) int64."""


class Task(LightningModule):
    """Trains a network; the checkpoint's tensors are named `network.…`.

    A task sets `name`, `monitor` and `mode` (the validation metric that chooses the best checkpoint, and its
    direction; callbacks read them), and fills in `loss`, `new_metrics` and `predict_batch`.

    Args:
        network: The network with its layer groups, weights already loaded.
        strategy: How the weights are adapted.
        optimizer: The optimizer and its schedule.
    """

    name: ClassVar[str]
    monitor: ClassVar[str]
    mode: ClassVar[str]

    def __init__(self, network: Network, strategy: StrategyConfig, optimizer: OptimizerConfig) -> None:
        super().__init__()
        self.network: nn.Module = network.module
        self.layer_groups = network
        self.strategy_config = strategy
        self.optimizer_config = optimizer
        self.train_metrics = self.new_metrics()
        self.val_metrics = self.new_metrics()
        self.test_metrics = self.new_metrics()
        self.test_predictions: list[dict[str, Tensor]] = []
        self._train_losses: list[Tensor] = []  # a list, as `self.log` would cost a millisecond a step

    @abstractmethod
    def loss(self, outputs: Any, targets: Any) -> Tensor:
        """The mean training loss of a batch, a scalar."""

    @abstractmethod
    def new_metrics(self) -> Metric:
        """A metric with `update(outputs, targets)` and `compute() -> dict of scalars`."""

    @abstractmethod
    def epoch_metrics(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Those of the computed metrics that become curves, a value an epoch."""

    @abstractmethod
    def predict_batch(self, outputs: Any) -> dict[str, Tensor]:
        """Per-sample predictions kept beside the record; first dimension B."""

    def forward(self, images: Tensor) -> Any:
        """The network's outputs for normalised images (B, 3, H, W)."""
        return self.network(images)

    def training_step(self, batch: Batch, _batch_idx: int) -> Tensor:
        """One step; nothing here waits for the device."""
        images, targets, _ = batch
        outputs = self.network(images)
        loss = self.loss(outputs, targets)
        with torch.no_grad():
            self.train_metrics.update(outputs, targets)
        self._train_losses.append(loss.detach())
        return loss

    def on_validation_epoch_start(self) -> None:
        """Log the epoch's training loss and metrics, of the batches as they were seen (augmented).

        Here, as Lightning calls a task's `on_train_epoch_end` after the callbacks that show an epoch's metrics.
        """
        if self._train_losses:
            self.log("train/loss", torch.stack(self._train_losses).mean())  # all batches have one size
            self._train_losses.clear()
            self._log_metrics("train", self.train_metrics)

    def validation_step(self, batch: Batch, _batch_idx: int) -> None:
        """Collect metrics and loss on validation."""
        images, targets, _ = batch
        outputs = self.network(images)
        self.val_metrics.update(outputs, targets)
        self.log("val/loss", self.loss(outputs, targets), on_step=False, on_epoch=True, batch_size=len(images))

    def on_validation_epoch_end(self) -> None:
        """Log the validation metrics; the monitored one is among them."""
        self._log_metrics("val", self.val_metrics)

    def test_step(self, batch: Batch, _batch_idx: int) -> None:
        """Collect metrics, loss and per-sample predictions on test."""
        images, targets, index = batch
        outputs = self.network(images)
        self.test_metrics.update(outputs, targets)
        self.log("test/loss", self.loss(outputs, targets), on_step=False, on_epoch=True, batch_size=len(images))
        kept = {"index": index, "target": targets, **self.predict_batch(outputs)}
        self.test_predictions.append({key: value.cpu() for key, value in kept.items()})

    def _log_metrics(self, split: str, metrics: Metric) -> None:
        values = self.epoch_metrics(metrics.compute())
        metrics.reset()
        self.log_dict({f"{split}/{key}": value.float() for key, value in values.items()})

    def predictions(self) -> dict[str, Tensor]:
        """The test split's predictions, in the order of its samples."""
        columns = {key: torch.cat([batch[key] for batch in self.test_predictions]) for key in self.test_predictions[0]}
        order = torch.argsort(columns["index"])
        return {key: column[order] for key, column in columns.items()}

    def configure_optimizers(self) -> Any:
        """All parameter groups from step 0, and one schedule for all of them."""
        c = self.optimizer_config
        scales = learning_rate_scales(list(self.layer_groups.groups), self.strategy_config.lr_decay)
        groups = parameter_groups(self.layer_groups, c.lr, c.weight_decay, scales)
        optimizer = build_optimizer(c, groups)
        total = int(self.trainer.estimated_stepping_batches)
        warmup = round(c.warmup_epochs * self.trainer.num_training_batches)
        factor = schedule(c.schedule, warmup, total)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}}
