"""Images with one label each as a Lightning data module: on the trainer's device as a whole, or decoded by workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor

from tlbench.annotations.labels.audit import audit_target
from tlbench.annotations.labels.config import LabelAugmentation, LabelDataConfig
from tlbench.annotations.labels.images import FileSet, Images
from tlbench.annotations.labels.training_batch import training_batch
from tlbench.annotations.labels.worker_loader import WorkerLoader
from tlbench.config import Seeds
from tlbench.data.audit import Audit
from tlbench.data.describe_read import was_read
from tlbench.data.loader import BatchLoader, OrderedLoader
from tlbench.data.target import Target
from tlbench.data.target_module import TargetModule
from tlbench.data.was_read import WasRead
from tlbench.data.workers import default_workers
from tlbench.geometry.augment import prepare

_EVALUATION_PIXELS = 256 * 64**2


def evaluation_batch(data: LabelDataConfig) -> int:
    """Images a batch where no gradients are kept: more than in training, up to 256, as long as they are small."""
    return max(data.batch_size, min(256, _EVALUATION_PIXELS // data.image_size**2))


Batch = tuple[Tensor, Tensor, Tensor]
"""Images, labels (B,) int64 or soft targets (B, C) float32, indices."""


class ImageDataModule(TargetModule[Images]):
    """Batches of (images float32 normalised, labels, index).

    With MixUp or CutMix a training batch holds soft targets (B, C) in place of labels.

    Args:
        target: The opened target.
        data: Its config.
        augmentation: How training images are augmented.
        seeds: As in `TargetModule`.
        channels_last: Likewise.
    """

    data: LabelDataConfig

    def __init__(
        self,
        target: Target[Images],
        data: LabelDataConfig,
        augmentation: LabelAugmentation,
        seeds: Seeds,
        *,
        channels_last: bool = False,
    ) -> None:
        super().__init__(target, data, seeds, channels_last=channels_last)
        self.augmentation = augmentation
        self._features: dict[str, Tensor] = {}

    @property
    def storage(self) -> Literal["memory", "workers"]:
        """Where the images come from."""
        return "workers" if isinstance(self.target.splits["train"], FileSet) else "memory"

    def audit(self, *, test: bool) -> Audit:
        """As in `TargetModule`, with the cache."""
        return audit_target(self.target, self.fingerprint, self.data, test=test)

    def was_read(self) -> WasRead:
        """As in `TargetModule`."""
        return was_read(
            "classification", self.target, {name: split.labels for name, split in self.target.splits.items()}
        )

    def pictures(self, split: str, index: Tensor) -> Tensor:
        """As in `TargetModule`."""
        images = self.target.splits[split].take(index.cpu())
        return (images.decoded() if isinstance(images, FileSet) else images).images

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:  # noqa: ARG002 - Lightning's hook
        """Turn uint8 images into the network's input, on the device; cached features are that already."""
        images, labels, index = batch
        trainer = self._attached()
        if images.ndim == 2:
            return batch
        if trainer.training:
            return training_batch(
                batch,
                self.augmentation,
                self.data,
                len(self.target.class_names),
                self.seeds.augment,
                trainer.current_epoch,
                channels_last=self.channels_last,
                cropped=self.storage == "workers",  # the workers cut the resized crop out of the file
            )
        return self._prepare(images), labels, index

    def prepared(self, split: str) -> Iterator[Tensor]:
        """All images of a split in its order, as the network's input, in batches (B, 3, H, W); never augmented."""
        device = self._attached().strategy.root_device
        images = self._read(split)
        if isinstance(images, FileSet):
            for chunk, _, _ in self._workers(images, self._evaluation_batch):
                yield self._prepare(chunk.to(device, non_blocking=True))
        else:
            for chunk in torch.split(images.images, self._evaluation_batch):
                yield self._prepare(chunk)

    def use_features(self, split: str, features: Tensor) -> None:
        """Let a split's batches hold features (N, F), in the order of its images, instead of images."""
        self._features[split] = features

    def drop_features(self) -> None:
        """Let all batches hold images again."""
        self._features.clear()

    @property
    def _evaluation_batch(self) -> int:
        return evaluation_batch(self.data)

    def _prepare(self, images: Tensor) -> Tensor:
        return prepare(images, self.data.image_size, self.data.normalisation, channels_last=self.channels_last)

    def _batches(self, split: str, images: Images, batch_size: int, **options: Any) -> OrderedLoader:
        features = self._features.get(split)
        if features is not None:
            return BatchLoader(features, images.labels.to(features.device), batch_size, **options)
        if isinstance(images, FileSet):
            return self._workers(images, batch_size, training=split == "train", **options)
        return BatchLoader(images.images, images.labels, batch_size, **options)

    def _on_device(self, images: Images) -> Images:
        return images if isinstance(images, FileSet) else images.to(self._attached().strategy.root_device)

    def _workers(self, files: FileSet, batch_size: int, *, training: bool = False, **options: Any) -> WorkerLoader:
        trainer, workers = self._attached(), self.data.workers
        crop = self.augmentation.resized_crop if training else None
        return WorkerLoader(
            files,
            batch_size,
            side=files.side if crop is None else self.data.image_size,
            crop=crop,
            augment_seed=self.seeds.augment,
            workers=default_workers(trainer.world_size) if workers is None else workers,
            pin_memory=trainer.strategy.root_device.type == "cuda",
            **options,
        )
