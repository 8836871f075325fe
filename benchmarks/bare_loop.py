"""The baseline: what one writes by hand in plain PyTorch, with the data as tensors on the device."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlbench.adaptation.optimizer import build_optimizer
from tlbench.annotations.labels.labels import Labels
from tlbench.config import TrainConfig
from tlbench.data.samples import MemorySamples
from tlbench.geometry.augment import prepare
from tlbench.networks.build import build_network
from tlbench.tasks.registry import spec_of

BARE = "bare loop"


class PlainTraining:
    """The run's network, precision, memory format and optimizer, and a training loop around any batches.

    Nothing but the training itself: no schedule, no metrics, no logging, and the loss is never read back. The
    optimizer has two parameter groups, decayed or not, instead of tlbench's two per layer group; as long as
    `strategy.lr_decay` is 1 the updates are the same.

    Args:
        config: The run's configuration; precision 32-true or bf16-mixed.
        network: What is trained; see `new_network`.
        device: Where to train.
        loss: Of the network's outputs and a batch's targets, a scalar.
    """

    def __init__(
        self,
        config: TrainConfig,
        network: nn.Module,
        device: torch.device,
        loss: Callable[[Any, Tensor], Tensor] = F.cross_entropy,
    ) -> None:
        self.device = device
        self.bf16 = config.trainer.precision == "bf16-mixed"
        memory_format = torch.channels_last if config.trainer.channels_last else torch.contiguous_format
        self.loss = loss
        self.network = network.to(device).to(memory_format=memory_format).train()
        self.optimizer = _optimizer(config, list(self.network.parameters()))

    def train(self, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
        """Train one step a batch of images (B, 3, H, W) float32 and targets; returns seconds."""
        synchronize(self.device)
        began = time.perf_counter()
        for images, targets in batches:
            with torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext():
                loss = self.loss(self.network(images), targets)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        synchronize(self.device)
        return time.perf_counter() - began


class BareLoop:
    """Plain training on inputs that lie on the device, in a new random order an epoch.

    Nothing is augmented: it is the hardest baseline.

    Args:
        training: What is done with the batches.
        images: (N, 3, H, W) float32, normalised, a whole number of batches.
        targets: (N, …), theirs.
        batch_size: Images a step.
        name: What it is called where it is compared.
    """

    def __init__(
        self, training: PlainTraining, images: Tensor, targets: Tensor, batch_size: int, name: str = BARE
    ) -> None:
        self.name, self.training = name, training
        self.images, self.targets = images, targets
        self.batch_size = batch_size

    def epoch(self) -> float:
        """Seconds for one epoch."""
        return self.training.train(self._batches())

    def _batches(self) -> Iterable[tuple[Tensor, Tensor]]:
        yield from self.in_order(torch.randperm(len(self.images), device=self.images.device))

    def in_order(self, order: Tensor) -> Iterable[tuple[Tensor, Tensor]]:
        """The batches of an epoch whose images come in this order: (N,) int64."""
        for index in torch.split(order, self.batch_size):
            yield self.images[index], self.targets[index]


def bare_classification(config: TrainConfig, images: MemorySamples[Labels], device: torch.device) -> BareLoop:
    """The loop over training images as the configuration says, a whole number of batches."""
    c, on_device = config.data, images.to(device)
    training = PlainTraining(config, new_network(config, len(images.class_names)), device)
    inputs = prepare(on_device.images, c.input_size, c.normalisation, channels_last=config.trainer.channels_last)
    return BareLoop(training, inputs, on_device.labels, c.batch_size)


def new_network(config: TrainConfig, classes: int) -> nn.Module:
    """The run's network at its random start."""
    outputs = spec_of(config).outputs(classes)
    return build_network(config.model, outputs, config.seeds.init, config.data.input_size).module


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _optimizer(config: TrainConfig, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    c = config.optimizer
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": c.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return build_optimizer(c, groups)
