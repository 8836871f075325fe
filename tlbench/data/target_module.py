"""The target's three splits as a Lightning data module: what the modules of all tasks have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Generic, Literal, TypeVar

from lightning import LightningDataModule, Trainer
from torch import Tensor

from tlbench.config import DataConfig, Seeds
from tlbench.data.audit import Audit
from tlbench.data.loader import OrderedLoader
from tlbench.data.target import Split, Target
from tlbench.data.was_read import WasRead
from tlbench.errors import DataError

S = TypeVar("S", bound=Split)


class TargetModule(LightningDataModule, Generic[S]):
    """Gives out batches of (inputs, targets, index); training images are augmented, others never.

    Images that are kept in memory go to the device as a whole when a stage first needs their split; others are decoded
    in each epoch by worker processes. Of several processes each takes its share of every batch.

    Args:
        target: The opened target.
        data: Its config.
        seeds: The run's seeds; `order` and `augment` are used.
        channels_last: Memory format of the images.
    """

    def __init__(self, target: Target[S], data: DataConfig, seeds: Seeds, *, channels_last: bool = False) -> None:
        super().__init__()
        self.target = target
        self.data = data
        self.seeds = seeds
        self.channels_last = channels_last
        self._sets: dict[str, S] = {}
        self._fingerprints: dict[str, str] = {}

    @property
    @abstractmethod
    def storage(self) -> Literal["memory", "workers"]:
        """Where the images come from."""

    @abstractmethod
    def audit(self, *, test: bool) -> Audit:
        """Audit the splits that a run reads: train, val and, with `test`, test."""

    @abstractmethod
    def was_read(self) -> WasRead:
        """What was read: for the user before training, and for the record."""

    @abstractmethod
    def pictures(self, split: str, index: Tensor) -> Tensor:
        """Some images of a split as they are stored: (M, 3, H, W) uint8 on the CPU, for (M,) positions."""

    def setup(self, stage: str) -> None:
        """Read the splits of a stage (`fit`, `validate`, `test`) onto the trainer's device."""
        for split in {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}.get(stage, ()):
            self._read(split)

    def train_dataloader(self) -> OrderedLoader:
        """Training batches, in an order of their own in each epoch."""
        return self._loader("train", self.data.batch_size, order_seed=self.seeds.order, drop_last=True)

    def val_dataloader(self) -> OrderedLoader:
        """Validation batches."""
        return self._loader("val", self._evaluation_batch)

    def test_dataloader(self) -> OrderedLoader:
        """Test batches."""
        return self._loader("test", self._evaluation_batch)

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
    @abstractmethod
    def _evaluation_batch(self) -> int:
        """Images a batch where no gradients are kept."""

    @abstractmethod
    def _batches(self, split: str, images: S, batch_size: int, **options: Any) -> OrderedLoader:
        """The loader of a split; `options` are those of `OrderedLoader`."""

    @abstractmethod
    def _on_device(self, images: S) -> S:
        """A split's images on the trainer's device, where they are kept in memory."""

    def _attached(self) -> Trainer:
        assert self.trainer is not None, "Lightning sets the trainer before it calls a hook"
        return self.trainer

    def _loader(self, split: str, batch_size: int, **options: Any) -> OrderedLoader:
        trainer = self._attached()
        options |= {"rank": trainer.global_rank, "world_size": trainer.world_size}
        return self._batches(split, self._read(split), batch_size, **options)

    def _read(self, split: str) -> S:
        if split not in self._sets:
            images = self.target.splits[split]
            self.fingerprint(split)  # while the images are on the host
            self._sets[split] = self._on_device(images)
        return self._sets[split]
