"""Batches of images with one label each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tlbench.annotations.labels.audit import audit_target
from tlbench.annotations.labels.config import LabelAugmentation, LabelDataConfig
from tlbench.annotations.labels.images import FileSet, Images, ImageSet
from tlbench.annotations.labels.training_batch import training_batch
from tlbench.annotations.labels.worker_loader import WorkerLoader
from tlbench.config import Seeds
from tlbench.data.audit import Audit
from tlbench.data.describe_read import was_read
from tlbench.data.loader import BatchLoader, OrderedLoader
from tlbench.data.target import Target
from tlbench.data.was_read import WasRead
from tlbench.geometry.augment import prepare

Batch = tuple[Tensor, Tensor, Tensor]
"""Images, labels (B,) int64 or soft targets (B, C) float32, positions (B,)."""

_EVALUATION_PIXELS = 256 * 64**2


def evaluation_batch(data: LabelDataConfig) -> int:
    """Images a batch where no gradients are kept: more than in training, up to 256, as long as they are small."""
    return max(data.batch_size, min(256, _EVALUATION_PIXELS // data.image_size**2))


class LabelBatches:
    """See `tlbench.data.batches.Batches`.

    With MixUp or CutMix a training batch holds soft targets (B, C) in place of labels.

    Args:
        data: The target's config.
        augmentation: How training images are augmented.
        seeds: The run's seeds; `augment` is used.
        task: Its name.
        channels_last: Memory format of the images.
    """

    def __init__(
        self,
        data: LabelDataConfig,
        augmentation: LabelAugmentation,
        seeds: Seeds,
        task: str,
        *,
        channels_last: bool = False,
    ) -> None:
        self.data, self.augmentation, self.seeds, self.task = data, augmentation, seeds, task
        self.channels_last = channels_last

    @property
    def evaluation_batch(self) -> int:
        """As `evaluation_batch`."""
        return evaluation_batch(self.data)

    def loader(
        self,
        split: Images,
        batch_size: int,
        *,
        training: bool = False,
        workers: int = 0,
        pin_memory: bool = False,
        passes: bool = True,
        **options: Any,
    ) -> OrderedLoader:
        """Gives out images (B, 3, H, W) uint8, labels and positions."""
        if not isinstance(split, FileSet):
            return BatchLoader(split.images, split.labels, batch_size, **options)
        crop = self.augmentation.resized_crop if training else None
        return WorkerLoader(
            split,
            batch_size,
            side=split.side if crop is None else self.data.image_size,
            crop=crop,
            augment_seed=self.seeds.augment,
            workers=workers,
            pin_memory=pin_memory,
            passes=passes,
            **options,
        )

    def training(self, split: Images, batch: Batch, epoch: int) -> Batch:
        """Augmented; with soft targets where images are mixed."""
        return training_batch(
            batch,
            self.augmentation,
            self.data,
            len(split.class_names),
            self.seeds.augment,
            epoch,
            channels_last=self.channels_last,
            cropped=isinstance(split, FileSet),  # the workers cut the resized crop out of the file
        )

    def plain(self, _split: Images, batch: Batch) -> Batch:
        """As they are."""
        images, labels, index = batch
        data = self.data
        inputs = prepare(images, data.image_size, data.normalisation, channels_last=self.channels_last)
        return inputs, labels, index

    def noise(self, images: Tensor, classes: int) -> ImageSet:
        """Classes one after another."""
        labels = torch.arange(len(images), device=images.device) % classes
        return ImageSet(images, labels, tuple(map(str, range(classes))))

    def audit(self, target: Target[Images], fingerprint: Callable[[str], str], *, test: bool) -> Audit:
        """With the cache."""
        return audit_target(target, fingerprint, self.data, test=test)

    def was_read(self, target: Target[Images]) -> WasRead:
        """Each class's images."""
        return was_read(self.task, target, {name: split.labels for name, split in target.splits.items()})
