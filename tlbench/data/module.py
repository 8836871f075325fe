"""The target's three splits as a Lightning data module: on the trainer's device as a whole, or decoded by workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch
from lightning import LightningDataModule, Trainer
from torch import Tensor

from tlbench.config import Augmentation, DataConfig, Seeds
from tlbench.data.augment import prepare
from tlbench.data.images import FileSet, Images
from tlbench.data.loader import BatchLoader, OrderedLoader
from tlbench.data.target import Target
from tlbench.data.training_batch import training_batch
from tlbench.data.worker_loader import WorkerLoader
from tlbench.data.workers import default_workers
from tlbench.errors import DataError

_EVALUATION_PIXELS = 256 * 64**2


def evaluation_batch(data: DataConfig) -> int:
    """Images a batch where no gradients are kept: more than in training, up to 256, as long as they are small."""
    return max(data.batch_size, min(256, _EVALUATION_PIXELS // data.image_size**2))


Batch = tuple[Tensor, Tensor, Tensor]
"""Images, labels (B,) int64 or soft targets (B, C) float32, indices."""


class ImageDataModule(LightningDataModule):
    """Batches of (images float32 normalised, labels, index); training images are augmented, others never.

    With MixUp or CutMix a training batch holds soft targets (B, C) in place of labels.

    Images that are kept in memory go to the device as a whole when a stage first needs their split; others are decoded
    in each epoch by worker processes. Of several processes each takes its share of every batch.

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
        self._sets: dict[str, Images] = {}
        self._features: dict[str, Tensor] = {}
        self._fingerprints: dict[str, str] = {}

    def setup(self, stage: str) -> None:
        """Read the splits of a stage (`fit`, `validate`, `test`) onto the trainer's device."""
        for split in {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}.get(stage, ()):
            self._read(split)

    @property
    def storage(self) -> Literal["memory", "workers"]:
        """Where the images come from."""
        return "workers" if isinstance(self.target.splits["train"], FileSet) else "memory"

    def train_dataloader(self) -> OrderedLoader:
        """Training batches, in an order of their own in each epoch."""
        return self._loader("train", self.data.batch_size, order_seed=self.seeds.order, drop_last=True)

    def val_dataloader(self) -> OrderedLoader:
        """Validation batches."""
        return self._loader("val", self._evaluation_batch)

    def test_dataloader(self) -> OrderedLoader:
        """Test batches."""
        return self._loader("test", self._evaluation_batch)

    def pictures(self, split: str, index: Tensor) -> Tensor:
        """Some images of a split as they are stored: (M, 3, H, W) uint8 on the CPU, for (M,) positions."""
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

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of the data: the fingerprints of the splits read so far."""
        return {"fingerprints": self.fingerprints()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Make sure that a run goes on with the images that it began with.

        Raises:
            DataError: A split's images or labels are others.
        """
        began = state_dict["fingerprints"]
        changed = [split for split, sha in began.items() if self.fingerprint(split) != sha]
        if changed:
            raise DataError(
                f"data.root={self.data.root!r}: the images of {' and '.join(changed)} are not those that the run began "
                "with; put them back, or begin anew with another study=… or hydra.run.dir=…"
            )

    def fingerprint(self, split: str) -> str:
        """SHA-256 of a split's images and labels."""
        if split not in self._fingerprints:
            self._fingerprints[split] = self.target.splits[split].fingerprint()
        return self._fingerprints[split]

    def fingerprints(self) -> dict[str, str]:
        """Split → SHA-256 of its images and labels, for the splits that a stage has needed so far."""
        return {split: self.fingerprint(split) for split in self._sets}

    @property
    def _evaluation_batch(self) -> int:
        return evaluation_batch(self.data)

    def _attached(self) -> Trainer:
        assert self.trainer is not None, "Lightning sets the trainer before it calls a hook"
        return self.trainer

    def _prepare(self, images: Tensor) -> Tensor:
        return prepare(images, self.data.image_size, self.data.normalisation, channels_last=self.channels_last)

    def _loader(self, split: str, batch_size: int, **options: Any) -> OrderedLoader:
        trainer, images = self._attached(), self._read(split)
        options |= {"rank": trainer.global_rank, "world_size": trainer.world_size}
        features = self._features.get(split)
        if features is not None:
            return BatchLoader(features, images.labels.to(features.device), batch_size, **options)
        if isinstance(images, FileSet):
            return self._workers(images, batch_size, training=split == "train", **options)
        return BatchLoader(images.images, images.labels, batch_size, **options)

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

    def _read(self, split: str) -> Images:
        if split not in self._sets:
            images = self.target.splits[split]
            self.fingerprint(split)  # while the images are on the host
            device = self._attached().strategy.root_device
            self._sets[split] = images if isinstance(images, FileSet) else images.to(device)
        return self._sets[split]
