"""The target's three splits as a Lightning data module that keeps them on the trainer's device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from lightning import LightningDataModule, Trainer
from torch import Tensor

from tlbench.config import Augmentation, DataConfig, Seeds
from tlbench.data.augment import augment, prepare
from tlbench.data.images import ImageSet
from tlbench.data.loader import BatchLoader
from tlbench.data.target import Target

EVALUATION_BATCH = 256  # no gradients are kept, so batches may be larger than in training

Batch = tuple[Tensor, Tensor, Tensor]


class ImageDataModule(LightningDataModule):
    """Batches of (images float32 normalised, labels, index); training images are augmented, others never.

    Each split is read once, when a stage first needs it: test only for testing. Of several processes each holds all
    images and takes its share of every batch.

    Args:
        target: The opened target.
        data: Its config.
        augmentation: How training images are augmented.
        seeds: The run's seeds; `order` and `augment` are used.
        channels_last: Memory format of the images.
    """

    def __init__(
        self, target: Target, data: DataConfig, augmentation: Augmentation, seeds: Seeds, *, channels_last: bool = False
    ) -> None:
        super().__init__()
        self.target = target
        self.data = data
        self.augmentation = augmentation
        self.seeds = seeds
        self.channels_last = channels_last
        self._sets: dict[str, ImageSet] = {}
        self._features: dict[str, Tensor] = {}
        self._fingerprints: dict[str, str] = {}

    def setup(self, stage: str) -> None:
        """Read the splits of a stage (`fit`, `validate`, `test`) onto the trainer's device."""
        for split in {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}.get(stage, ()):
            self._read(split)

    def train_dataloader(self) -> BatchLoader:
        """Training batches, in an order of their own in each epoch."""
        return self._loader("train", self.data.batch_size, order_seed=self.seeds.order, drop_last=True)

    def val_dataloader(self) -> BatchLoader:
        """Validation batches."""
        return self._loader("val", self._evaluation_batch)

    def test_dataloader(self) -> BatchLoader:
        """Test batches."""
        return self._loader("test", self._evaluation_batch)

    @property
    def test_set(self) -> ImageSet:
        """The test split, decoded; for pictures after the test."""
        return self._read("test")

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:  # noqa: ARG002 - Lightning's hook
        """Turn uint8 images into the network's input, on the device; cached features are that already."""
        images, labels, index = batch
        trainer = self._attached()
        if images.ndim == 2:
            return batch
        if trainer.training:
            images = augment(images, index, self.augmentation, self.seeds.augment, trainer.current_epoch)
        return self._prepare(images), labels, index

    def prepared(self, split: str) -> Iterator[Tensor]:
        """All images of a split in its order, as the network's input, in batches (B, 3, H, W); never augmented."""
        images = self._read(split).images
        for chunk in torch.split(images, self._evaluation_batch):
            yield self._prepare(chunk)

    def use_features(self, split: str, features: Tensor) -> None:
        """Let a split's batches hold features (N, F), in the order of its images, instead of images."""
        self._features[split] = features

    def drop_features(self) -> None:
        """Let all batches hold images again."""
        self._features.clear()

    def fingerprints(self) -> dict[str, str]:
        """Split → SHA-256 of its images and labels, for the splits read so far."""
        return dict(self._fingerprints)

    @property
    def _evaluation_batch(self) -> int:
        return max(self.data.batch_size, EVALUATION_BATCH)

    def _attached(self) -> Trainer:
        assert self.trainer is not None, "Lightning sets the trainer before it calls a hook"
        return self.trainer

    def _prepare(self, images: Tensor) -> Tensor:
        return prepare(images, self.data.image_size, self.data.normalisation, channels_last=self.channels_last)

    def _loader(self, split: str, batch_size: int, **options: Any) -> BatchLoader:
        trainer, image_set = self._attached(), self._read(split)
        inputs = self._features.get(split, image_set.images)
        return BatchLoader(
            inputs,
            image_set.labels,
            batch_size,
            rank=trainer.global_rank,
            world_size=trainer.world_size,
            **options,
        )

    def _read(self, split: str) -> ImageSet:
        if split not in self._sets:
            image_set: ImageSet = getattr(self.target, split)()
            self._fingerprints[split] = image_set.fingerprint()
            self._sets[split] = image_set.to(self._attached().strategy.root_device)
        return self._sets[split]
