"""The skeleton of every task: what a step, an epoch and a test are. A task fills in model, loss and metrics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from tlbench.adaptation.freezing import Freezing
from tlbench.adaptation.regularisers import Regulariser
from tlbench.callbacks.ema import save_average
from tlbench.config import TrainConfig
from tlbench.config.hash import config_hash
from tlbench.metrics.finite_outputs import FiniteOutputs, check_training
from tlbench.metrics.loss_parts import loss_values
from tlbench.metrics.mean import SampleMean
from tlbench.networks.checks import check_kind
from tlbench.networks.network import Network
from tlbench.networks.outputs import in_float32, without_autocast
from tlbench.processes.exchange import broadcast_buffers, gather_objects
from tlbench.seeds import reseed
from tlbench.tasks.optimised import OptimisedModule
from tlbench.tasks.own import OwnMetrics, own_loss
from tlbench.tasks.partial_epoch import restore_partial_epoch, save_partial_epoch
from tlbench.tasks.registry import spec_of

MONITORED = "monitored"
"""Key of a checkpoint of weights alone: the monitored metric's name and value."""

CHOSEN = "chosen"
"""Likewise: what validation chose beside the epoch."""

CONFIGURATION = "config_hash"
"""Key of every checkpoint: the hash of the configuration that it was trained with, which is that of its run."""

CODE = "code"
"""Likewise: the hash over the files of the user's own code; None where there are none."""

Batch = tuple[Tensor, Any, Tensor]
"""Images (B, 3, H, W) float32, normalised, or cached features (B, F); targets; sample indices (B,) int64."""


class Task(OptimisedModule):
    """Trains a network; the checkpoint's tensors are named `network.…`.

    A task fills in `loss`, `new_metrics`, `epoch_metrics` and
    `predict_batch`; what it finds in the outputs, in `find`. All of these get outputs in float32 and compute in it,
    whatever the precision of the network. Outputs that hold NaN or infinity end the run, in any task.

    Args:
        network: The network with its layer groups, the source's weights already loaded.
        config: The run's configuration; strategy, regulariser, optimizer, monitor and seeds are used.

    Attributes:
        spec: What is known of the task.
        later_on_tie: Whether of epochs with equal monitored values the last is the best one, rather than the first.
        loss_parts: Names of the P parts of the loss, each of which is a curve; none where it is of one piece.
        monitor: The one that does; callbacks read it and its `mode`.
        stage_number: The stage that trains, from 0.
        identity: What every checkpoint says of where it comes from: `CONFIGURATION` and `CODE`, hashes.
        on_features: Whether training and validation batches hold the head's inputs, computed before.

    Raises:
        ConfigError: The monitored metric is not one of validation, the strategy's stages do not fit the network, or its
            outputs are of another kind than the task's.
    """

    later_on_tie: ClassVar[bool] = False
    loss_parts: tuple[str, ...] = ()

    def __init__(self, network: Network, config: TrainConfig) -> None:
        super().__init__(network, config)
        self.network: nn.Module = network.module
        self.spec = spec_of(config)
        check_kind(network.dense, config.model, self.spec)
        self.monitor = config.callbacks.monitor or self.spec.default_monitor
        self.mode = self.spec.mode_of(self.monitor)
        self.identity: dict[str, str | None] = {CONFIGURATION: config_hash(config.model_dump(mode="json")), CODE: None}
        self.stage_number = 0
        self.freezing = Freezing(network)
        self.regulariser = Regulariser(network, config.regulariser)
        self.on_features = False
        self.train_metrics = self.new_train_metrics()
        self.val_metrics = self.new_metrics()
        self.test_metrics = self.new_metrics()
        self.val_own, self.test_own = OwnMetrics(config), OwnMetrics(config)
        self.own_loss = own_loss(config)
        if self.own_loss is not None:
            self.loss_parts = ()
        shape = (len(self.loss_parts),) if self.loss_parts else ()
        self.val_loss = SampleMean(shape)
        self.test_loss = SampleMean(shape)
        self.train_outputs, self.val_outputs, self.test_outputs = FiniteOutputs(), FiniteOutputs(), FiniteOutputs()
        self.test_predictions: list[dict[str, Tensor]] = []
        self.train_losses: list[Tensor] = []  # a list, as `self.log` would cost a millisecond a step

    @abstractmethod
    def loss(self, outputs: Any, targets: Any) -> Tensor:
        """The mean loss of a batch as validation and test report it.

        A scalar; for a task with `loss_parts` (P,), whose sum is the loss.
        """

    def training_loss(self, outputs: Any, targets: Any) -> Tensor:
        """What training minimises on a batch, of `loss`'s shape; `loss`, unless a task trains on other targets."""
        return self.loss(outputs, targets)

    def gradient_scale(self, targets: Any) -> float:  # noqa: ARG002
        """What the loss of a batch is multiplied by before its gradients are taken; 1, by default."""
        return 1.0

    def plain_targets(self, targets: Any) -> Any:
        """Of a training batch's targets, those that its metrics compare with; the targets themselves, by default."""
        return targets

    def find(self, outputs: Any, targets: Any) -> Any:  # noqa: ARG002
        """What is compared with the targets of validation and test: the outputs, or what is decoded from them."""
        return outputs

    @abstractmethod
    def new_metrics(self) -> Metric:
        """A metric with `update(found, targets)` and `compute() -> dict of scalars`."""

    def new_train_metrics(self) -> Metric | None:
        """That of training, with `update(outputs, plain targets)`; None where it would cost too much."""
        return self.new_metrics()

    @abstractmethod
    def epoch_metrics(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Those of the computed metrics that become curves, a value an epoch."""

    @abstractmethod
    def predict_batch(self, found: Any, targets: Any) -> dict[str, Tensor]:
        """Predictions and targets kept beside the record; see `predictions`."""

    def chosen(self) -> dict[str, float]:
        """What this validation chose beside the epoch, such as a threshold; it goes with the best checkpoint."""
        return {}

    def take_chosen(self, chosen: Mapping[str, float]) -> None:
        """Take up what validation chose, for the test."""

    def forward(self, images: Tensor) -> Any:
        """The network's outputs for normalised images (B, 3, H, W)."""
        return self.network(images)

    def outputs(self, inputs: Tensor) -> Any:
        """The network's outputs, in its precision, for a batch: images, or cached inputs of the head."""
        return self.layer_groups.head_module()(inputs) if self.on_features else self.network(inputs)

    def train(self, mode: bool = True) -> Task:
        """Enter train or eval mode; what is frozen stays in eval mode."""
        super().train(mode)
        if hasattr(self, "freezing"):
            self.freezing.apply_modes()
        return self

    def enter_stage(self, number: int) -> None:
        """Let a stage's layer groups train and freeze the others; the optimizer's groups stay as they are."""
        self.stage_number = number
        self.freezing.set_trainable(self.stages[number].trainable)
        if self.config.trainer.compile and not self.on_features:
            torch._dynamo.reset()  # what was compiled for another set of trainable parameters is of no more use
            self.network.compile()

    def on_train_batch_start(self, _batch: Batch, _batch_idx: int) -> None:
        """Make what the network draws (dropout) a function of seed and step, not of running generator state."""
        reseed(self.config.seeds.augment, self.global_step, self.global_rank)

    def training_step(self, batch: Batch, _batch_idx: int) -> Tensor:
        """One step; nothing here waits for the device (a task's loss may)."""
        inputs, targets, _ = batch
        with self.regulariser.watch(inputs if self.on_features else None):
            outputs = in_float32(self.outputs(inputs))
        with without_autocast(inputs.device.type):
            loss = self._loss_of(outputs, targets, self.training_loss, trained=True)
            with torch.no_grad():
                self.train_outputs.update(outputs, len(inputs))
                if self.train_metrics is not None:
                    self.train_metrics.update(outputs, self.plain_targets(targets))
            self.train_losses.append(loss.detach())
            loss = loss.sum()
            if self.regulariser.active:
                loss = loss + self.regulariser.penalty()
            return loss * self.gradient_scale(targets)

    def on_validation_epoch_start(self) -> None:
        """Log the epoch's training loss and metrics, of the batches as they were seen (augmented).

        Here, as Lightning calls a task's `on_train_epoch_end` after the callbacks that show an epoch's metrics.

        Raises:
            NonFiniteOutputs: The network gave NaN or +inf in training, where the loss did not show it.
        """
        broadcast_buffers(self.network)  # each process has BatchNorm statistics of its own; the first one's are kept
        if self.train_losses:
            self._check_outputs(self.train_outputs, f"training in {self._epoch}")
            losses = torch.stack([loss.to(self.device) for loss in self.train_losses])
            self._log_loss("train", losses.mean(dim=0), sync_dist=True)  # all batches have one size
            self.train_losses.clear()
            if self.train_metrics is not None:
                self._log_metrics("train", self.train_metrics)

    def validation_step(self, batch: Batch, _batch_idx: int) -> None:
        """Collect metrics and loss on validation."""
        inputs, targets, index = batch
        outputs = in_float32(self.outputs(inputs))
        self.val_outputs.update(outputs, len(index))
        with without_autocast(inputs.device.type):
            found = self.find(outputs, targets)
            self.val_metrics.update(found, targets)
            self.val_own.update(found, targets)
            self.val_loss.update(self._loss_of(outputs, targets, self.loss), len(index))

    def on_validation_epoch_end(self) -> None:
        """Log loss and metrics of validation; the monitored one is among them.

        Raises:
            NonFiniteOutputs: The network gave NaN or +inf. No callback has seen this epoch's metrics yet, so that
                it can neither be the best one nor end the run early.
            ConfigError: A metric of the user's own fails, or monitors and is not finite.
        """
        self._check_outputs(self.val_outputs, f"validation in {self._epoch}")
        self._log_loss("val", self.val_loss.compute())
        self.val_loss.reset()
        self._log_metrics("val", self.val_metrics)
        self.log_dict(self.val_own.of_validation(self.monitor, self._epoch))
        self.val_own.reset()

    def test_step(self, batch: Batch, _batch_idx: int) -> None:
        """Collect metrics, loss and per-sample predictions on test."""
        images, targets, index = batch
        outputs = in_float32(self.outputs(images))
        self.test_outputs.update(outputs, len(index))
        with without_autocast(images.device.type):
            found = self.find(outputs, targets)
            self.test_metrics.update(found, targets)
            self.test_own.update(found, targets)
            self.test_loss.update(self._loss_of(outputs, targets, self.loss), len(index))
            kept = {"index": index, **self.predict_batch(found, targets)}
        self.test_predictions.append({key: value.cpu() for key, value in kept.items()})

    def on_test_epoch_end(self) -> None:
        """Log the test loss; the run reads the metrics themselves, per class as well.

        Raises:
            NonFiniteOutputs: The network gave NaN or +inf.
        """
        self._check_outputs(self.test_outputs, "test of the best epoch")
        self._log_loss("test", self.test_loss.compute())

    def predictions(self) -> dict[str, Tensor]:
        """The test split's predictions of all processes, in the order of its samples, each once."""
        batches = [batch for process in gather_objects(self.test_predictions) for batch in process]
        columns = {key: torch.cat([batch[key] for batch in batches]) for key in batches[0]}
        order = torch.argsort(columns["index"])
        return {key: column[order] for key, column in columns.items()}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what is not over, an epoch's losses and metrics and a step's gradients, and averaged weights."""
        checkpoint |= self.identity
        save_partial_epoch(self, checkpoint)
        save_average(self.trainer, checkpoint)
        if "optimizer_states" in checkpoint:
            self.accumulation.save(self.named_parameters(), checkpoint)
        else:  # best.ckpt says itself how good it is
            checkpoint[MONITORED] = {self.monitor: float(self.trainer.callback_metrics[self.monitor])}
            checkpoint[CHOSEN] = self.chosen()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what the checkpoint holds of an epoch and of a step that are not over."""
        restore_partial_epoch(self, checkpoint)
        self.accumulation.restore(checkpoint)

    def _loss_of(
        self, outputs: Any, targets: Any, tasks: Callable[[Any, Any], Tensor], *, trained: bool = False
    ) -> Tensor:
        """The loss of the user's own where there is one, else the task's."""
        own = self.own_loss
        return tasks(outputs, targets) if own is None else own(outputs, targets, self.device, trained=trained)

    @property
    def _epoch(self) -> str:
        return f"epoch {self.current_epoch + 1} (counted from 1)"

    def _check_outputs(self, outputs: FiniteOutputs, where: str) -> None:
        check_training(outputs, where, self.network, self.config)

    def _log_loss(self, split: str, loss: Tensor, sync_dist: bool = False) -> None:
        for name, value in loss_values(loss, self.loss_parts).items():
            self.log(f"{split}/{name}", value, sync_dist=sync_dist)

    def _log_metrics(self, split: str, metrics: Metric) -> None:
        values = self.epoch_metrics(metrics.compute())
        metrics.reset()
        self.log_dict({f"{split}/{key}": value.float() for key, value in values.items()})
