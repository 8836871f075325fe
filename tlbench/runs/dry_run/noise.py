"""Batches of noise that are made as a run makes its own, of images that lie on the device: what a dry run times."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from tlbench.config import TrainConfig
from tlbench.tasks.base import Batch


class Noise(Protocol):
    """Batches of a task.

    Attributes:
        evaluation_batch: Images a batch of validation and test.
    """

    evaluation_batch: int

    def training(self) -> Batch:
        """A training batch of B images, augmented."""

    def plain(self, count: int) -> Batch:
        """So many images as they are."""


def noise_of(config: TrainConfig, classes: int, share: int, device: torch.device) -> Noise:
    """The noise of a run's task.

    Args:
        config: The run's configuration.
        classes: The target's, C.
        share: Images of a process in a training batch, B.
        device: Where it lies.
    """
    side = config.data.image_size
    images = torch.randint(256, (share, 3, side, side), dtype=torch.uint8, device=device)
    if config.task.name == "detection":
        from tlbench.tasks.detection.noise import BoxNoise

        return BoxNoise(config, classes, images)
    from tlbench.tasks.classification.noise import ImageNoise

    return ImageNoise(config, classes, images)


def repeated(count: int, images: Tensor) -> Tensor:
    """(count,) int64 positions in images (N, …), over and over."""
    return torch.arange(count, device=images.device) % len(images)
