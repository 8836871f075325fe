"""The usual baseline: a data set of PIL images, PIL transforms, and a DataLoader with worker processes."""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.bare_loop import PlainTraining, new_network
from tlbench.annotations.labels.config import LabelAugmentation
from tlbench.annotations.labels.labels import Labels
from tlbench.config import TrainConfig
from tlbench.data.samples import MemorySamples


class PilImages(Dataset[tuple[Tensor, int]]):
    """Decoded images, each turned into a PIL image and transformed when asked for, as torchvision's CIFAR10 does.

    Args:
        images: (N, 3, H, W) uint8.
        config: The run's configuration; crop, flip and normalisation are done as it says.
    """

    def __init__(self, images: MemorySamples[Labels], config: TrainConfig) -> None:
        self.pixels = images.images.permute(0, 2, 3, 1).contiguous().numpy()
        self.labels = images.labels.tolist()
        c, augmentation = config.data, config.augmentation
        assert isinstance(augmentation, LabelAugmentation)
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(self.pixels.shape[1], padding=augmentation.crop_padding),
                transforms.RandomHorizontalFlip(augmentation.flip),
                *([] if self.pixels.shape[1] == c.image_size else [transforms.Resize(c.image_size)]),
                transforms.ToTensor(),
                transforms.Normalize(c.normalisation.mean, c.normalisation.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


class WorkerLoop:
    """Plain training fed by worker processes, which live on between epochs and idle while others are measured.

    Args:
        config: The run's configuration.
        images: Training images, a whole number of batches.
        device: Where to train.
        workers: Worker processes.
    """

    def __init__(self, config: TrainConfig, images: MemorySamples[Labels], device: torch.device, workers: int) -> None:
        self.name = f"PIL and {workers} workers"
        self.training = PlainTraining(config, new_network(config, len(images.class_names)), device)
        self.channels_last = config.trainer.channels_last
        self.loader = DataLoader(
            PilImages(images, config),
            config.data.batch_size,
            shuffle=True,
            num_workers=workers,
            persistent_workers=True,
            pin_memory=device.type == "cuda",
        )

    def epoch(self) -> float:
        """Seconds for one epoch, from asking the workers for the first batch."""
        return self.training.train(self._batches())

    def _batches(self) -> Iterable[tuple[Tensor, Tensor]]:
        memory_format = torch.channels_last if self.channels_last else torch.contiguous_format
        device = self.training.device
        for images, labels in self.loader:
            on_device = images.to(device, non_blocking=True, memory_format=memory_format)
            yield on_device, labels.to(device, non_blocking=True)


def available_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
