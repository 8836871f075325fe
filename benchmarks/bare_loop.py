"""The baseline: what one writes by hand in plain PyTorch, with the data as tensors on the device."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.adaptation.optimizer import build_optimizer
from tlbench.annotations.labels.labels import Labels
from tlbench.config import TrainConfig
from tlbench.data.samples import MemorySamples
from tlbench.geometry.augment import prepare
from tlbench.networks.build import build_network


class PlainTraining:
    """The run's network, precision, memory format and optimizer, and a training loop around any batches.

    Nothing but the training itself: no schedule, no metrics, no logging, and the loss is never read back. The
    optimizer has two parameter groups, decayed or not, instead of tlbench's two per layer group; as long as
    `strategy.lr_decay` is 1 the updates are the same.

    Args:
        config: The run's configuration; precision 32-true or bf16-mixed.
        classes: Outputs of the head.
        device: Where to train.
    """

    def __init__(self, config: TrainConfig, classes: int, device: torch.device) -> None:
        self.device = device
        self.bf16 = config.trainer.precision == "bf16-mixed"
        memory_format = torch.channels_last if config.trainer.channels_last else torch.contiguous_format
        network = build_network(config.model, classes, config.seeds.init, config.data.input_size).module
        self.network = network.to(device).to(memory_format=memory_format).train()
        self.optimizer = _optimizer(config, list(self.network.parameters()))

    def train(self, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
        """Train one step a batch of images (B, 3, H, W) float32 and labels (B,); returns seconds."""
        synchronize(self.device)
        began = time.perf_counter()
        for images, labels in batches:
            with torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext():
                loss = F.cross_entropy(self.network(images), labels)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        synchronize(self.device)
        return time.perf_counter() - began


class BareLoop:
    """Plain training on float32 images, already normalised and on the device, in a new random order an epoch.

    Nothing is augmented: it is the hardest baseline.

    Args:
        config: The run's configuration.
        images: Training images, a whole number of batches.
        device: Where to train.
    """

    name = "bare loop"

    def __init__(self, config: TrainConfig, images: MemorySamples[Labels], device: torch.device) -> None:
        self.training = PlainTraining(config, len(images.class_names), device)
        c, on_device = config.data, images.to(device)
        self.images = prepare(
            on_device.images, c.input_size, c.normalisation, channels_last=config.trainer.channels_last
        )
        self.labels = on_device.labels
        self.batch_size = c.batch_size

    def epoch(self) -> float:
        """Seconds for one epoch."""
        return self.training.train(self._batches())

    def _batches(self) -> Iterable[tuple[Tensor, Tensor]]:
        for index in torch.split(torch.randperm(len(self.labels), device=self.labels.device), self.batch_size):
            yield self.images[index], self.labels[index]


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
