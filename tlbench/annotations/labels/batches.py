"""Batches of images with one label each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.annotations.labels.audit import LabelAudit
from tlbench.annotations.labels.config import LabelAugmentation, LabelDataConfig, ResizedCrop
from tlbench.annotations.labels.labels import Labels
from tlbench.config import TrainConfig
from tlbench.config.size import Size
from tlbench.data.audit import Audit, audit_target
from tlbench.data.batches import Batches, Given, as_pixels, stored
from tlbench.data.describe_read import was_read
from tlbench.data.fitting import Region
from tlbench.data.samples import FileSamples, MemorySamples, Samples
from tlbench.data.target import Target
from tlbench.data.was_read import WasRead
from tlbench.data.worker_loader import Shown
from tlbench.geometry.augment import augment, prepare
from tlbench.geometry.mixing import mix
from tlbench.geometry.own_transform import own_transform
from tlbench.geometry.resized_crop import boxes
from tlbench.pictures.sheet import Tile

Batch = tuple[Tensor, Tensor, Tensor]
"""Images, labels (B,) int64 or soft targets (B, C) float32, positions (B,)."""

_UNITS = 1 << 16
"""Height of the image in which crops are drawn: finer than the pixels of any."""


class LabelBatches(Batches[Labels]):
    """See `tlbench.data.batches.Batches`.

    With MixUp or CutMix a training batch holds soft targets (B, C) in place of labels.
    """

    TAKES_OWN_TRANSFORM: ClassVar[bool] = True
    MOST: ClassVar[int] = 256
    SMALL: ClassVar[int] = 64

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        assert isinstance(config.data, LabelDataConfig)
        assert isinstance(config.augmentation, LabelAugmentation)
        self.data, self.augmentation, self.seed = config.data, config.augmentation, config.seeds.augment
        self.own = own_transform(config)

    def shown(self, split: FileSamples[Labels]) -> tuple[Size, Shown | None]:
        """Resized crops are cut out of the file's full resolution: what the device cuts out of the stored image."""
        crop = self.augmentation.resized_crop
        return (split.size, None) if crop is None else (self.data.input_size, Crops(crop, split.size, self.seed))

    def training(self, split: Samples[Labels], batch: Given, epoch: int) -> Batch:
        """Augmented; with soft targets where images are mixed."""
        images, index = stored(split, batch)
        wanted, seed, labels = self.augmentation, self.seed, split.labels[index]
        varied = augment(images, index, wanted, seed, epoch, self.data.input_size, cropped=split.on_disk)
        if self.own is not None:
            varied = self.own.images(varied, index, epoch)
        inputs = self._inputs(varied)
        if wanted.mixes:
            inputs, labels = mix(inputs, labels, index, wanted, len(split.class_names), seed, epoch)
        return inputs, labels, index

    def plain(self, split: Samples[Labels], batch: Given) -> Batch:
        """As they are."""
        images, index = stored(split, batch)
        return self._inputs(images), split.labels[index], index

    def _inputs(self, images: Tensor) -> Tensor:
        return prepare(images, self.data.input_size, self.data.normalisation, channels_last=self.channels_last)

    def examples(self, split: Samples[Labels], index: Tensor) -> list[Tile]:
        """Each under its class."""
        titles = [split.class_names[label] for label in split.labels[index].tolist()]
        return [
            Tile(pixels, title=title) for pixels, title in zip(as_pixels(split.pictures(index)), titles, strict=True)
        ]

    def drawn(self, batch: Batch, class_names: Sequence[str], most: int) -> list[Tile]:
        """Each under its class; where images are mixed, under the two classes and their shares."""
        inputs, targets, _ = batch
        known = targets[:most].cpu()
        shares = known.float() if known.is_floating_point() else known  # NumPy has no bfloat16
        titles = [_title(target, class_names) for target in shares.numpy()]
        images = self.unnormalised(inputs[:most])
        return [Tile(pixels, title=title) for pixels, title in zip(images, titles, strict=True)]

    def noise(self, images: Tensor, classes: int) -> MemorySamples[Labels]:
        """Classes one after another."""
        labels = torch.arange(len(images), device=images.device) % classes
        return MemorySamples(images, Labels(labels, tuple(map(str, range(classes)))))

    def audit(self, target: Target[Labels], fingerprint: Callable[[str], str], *, test: bool) -> Audit:
        """Of images and labels."""
        return audit_target(target, LabelAudit(self.data), fingerprint, test=test)

    def was_read(self, target: Target[Labels]) -> WasRead:
        """Each class's images."""
        return was_read(self.config.task.name, target)


def _title(target: NDArray[Any], class_names: Sequence[str]) -> str:
    """Of a label, or of shares (C,)."""
    if np.ndim(target) == 0:
        return class_names[int(target)]
    largest = np.argsort(-target, kind="stable")[:2].tolist()
    return "\n".join(f"{target[c]:.2f} {class_names[c]}" for c in largest if target[c] > 0)


@dataclass(frozen=True)
class Crops:
    """The part of each image that its sample shows: a resized crop.

    Args:
        crop: The range that it is drawn from.
        size: Height and width of the stored images, of which the shape counts.
        seed: Augmentation seed.
    """

    crop: ResizedCrop
    size: Size
    seed: int

    def __call__(self, epoch: int, index: Tensor) -> tuple[Tensor, Sequence[Region]]:
        """See `Shown`."""
        across = _UNITS * self.size[1] // self.size[0]
        drawn = boxes(self.crop, _UNITS, across, self.seed, epoch, index).double()
        drawn /= torch.tensor([_UNITS, across] * 2)
        return index[:, None], [(top, left, height, width) for top, left, height, width in drawn.tolist()]
