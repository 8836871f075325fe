"""The target's three splits as a Lightning data module, whatever their annotations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch
from lightning import LightningDataModule, Trainer
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor

from tlbench.config import DataConfig, Seeds
from tlbench.data.audit import Audit
from tlbench.data.batches import Batch, Batches
from tlbench.data.loader import FeatureLoader, OrderedLoader
from tlbench.data.samples import Samples
from tlbench.data.target import Target
from tlbench.data.was_read import WasRead
from tlbench.data.workers import default_workers
from tlbench.errors import DataError


class TargetModule(LightningDataModule):
    """Gives out batches of (inputs, targets, index); training images are augmented, others never.

    An epoch of training holds each image `data.repeat` times; each time is a sample of its own, with draws of its own.

    Images that are kept in memory go to the device as a whole when a stage first needs their split; others are decoded
    in each epoch by worker processes. Of several processes each takes its share of every batch.

    Args:
        target: The opened target.
        data: Its config.
        seeds: The run's seeds; `order` is used.
        batches: What the annotations do on the way.
    """

    def __init__(self, target: Target[Any], data: DataConfig, seeds: Seeds, batches: Batches[Any]) -> None:
        super().__init__()
        self.target = target
        self.data = data
        self.seeds = seeds
        self.batches = batches
        self._sets: dict[str, Samples[Any]] = {}
        self._fingerprints: dict[str, str] = {}
        self._features: dict[str, Tensor] = {}

    @property
    def storage(self) -> Literal["memory", "workers"]:
        """Where the images come from."""
        return "workers" if self.target.splits["train"].on_disk else "memory"

    def audit(self, *, test: bool) -> Audit:
        """Audit the splits that a run reads: train, val and, with `test`, test."""
        return self.batches.audit(self.target, self.fingerprint, test=test)

    def was_read(self) -> WasRead:
        """What was read: for the user before training, and for the record."""
        return self.batches.was_read(self.target)

    def pictures(self, split: str, index: Tensor) -> Tensor:
        """Some images of a split as they are stored: (M, 3, H, W) uint8 on the CPU, for (M,) positions."""
        pictures: Tensor = self.target.splits[split].pictures(index.cpu())
        return pictures

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Batch:  # noqa: ARG002 - Lightning's hook
        """Make the network's input, on the device; cached features are that already."""
        trainer = self._attached()
        split = "train" if trainer.training else "test" if trainer.testing else "val"
        if split in self._features:
            features: Batch = batch
            return features
        if trainer.training:
            return self.batches.training(self._read(split), batch, trainer.current_epoch)
        return self.batches.plain(self._read(split), batch)

    def prepared(self, split: str) -> Iterator[Tensor]:
        """All images of a split in its order, as the network's input, in batches (B, 3, H, W); never augmented."""
        images, device = self._read(split), self._attached().strategy.root_device
        for batch in self.batches.loader(images, self.batches.evaluation_batch, **self._decoding()):
            moved = move_data_to_device(batch, device)
            yield self.batches.plain(images, moved)[0]

    def use_features(self, split: str, features: Tensor) -> None:
        """Let a split's batches hold features (N, F), in the order of its images, instead of images."""
        self._features[split] = features

    def drop_features(self) -> None:
        """Let all batches hold images again."""
        self._features.clear()

    def setup(self, stage: str) -> None:
        """Read the splits of a stage (`fit`, `validate`, `test`) onto the trainer's device."""
        for split in {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}.get(stage, ()):
            self._read(split)

    def train_dataloader(self) -> OrderedLoader:
        """Training batches, in an order of their own in each epoch."""
        return self._loader("train", self.data.batch_size, order_seed=self.seeds.order, drop_last=True)

    def val_dataloader(self) -> OrderedLoader:
        """Validation batches."""
        return self._loader("val", self.batches.evaluation_batch)

    def test_dataloader(self) -> OrderedLoader:
        """Test batches."""
        return self._loader("test", self.batches.evaluation_batch)

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

    def _attached(self) -> Trainer:
        assert self.trainer is not None, "Lightning sets the trainer before it calls a hook"
        return self.trainer

    def _loader(self, split: str, batch_size: int, **options: Any) -> OrderedLoader:
        trainer = self._attached()
        options |= {"rank": trainer.global_rank, "world_size": trainer.world_size}
        images, features = self._read(split), self._features.get(split)
        if features is not None:
            return FeatureLoader(features, self.batches.targets(images).to(features.device), batch_size, **options)
        return self.batches.loader(images, batch_size, training=split == "train", **self._decoding(), **options)

    def _decoding(self) -> dict[str, Any]:
        """How files are decoded."""
        trainer, workers = self._attached(), self.data.workers
        return {
            "workers": default_workers(trainer.world_size) if workers is None else workers,
            "pin_memory": trainer.strategy.root_device.type == "cuda",
        }

    def _read(self, split: str) -> Samples[Any]:
        if split not in self._sets:
            images = self.target.splits[split]
            self.fingerprint(split)  # while the images are on the host
            if split == "train" and self.data.repeat > 1:
                images = images.take(torch.arange(len(images)).repeat(self.data.repeat))
            self._sets[split] = images.to(self._attached().strategy.root_device)
        return self._sets[split]
