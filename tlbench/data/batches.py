"""What one kind of annotation does on the way from a split to the network's input."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic

import torch
from torch import Tensor

from tlbench.config import DataConfig, TrainConfig
from tlbench.config.size import Size
from tlbench.data.audit import Audit
from tlbench.data.listing import A
from tlbench.data.loader import OrderedLoader, PositionLoader
from tlbench.data.samples import FileSamples, MemorySamples, Samples
from tlbench.data.target import Target
from tlbench.data.was_read import WasRead
from tlbench.data.worker_loader import Decoded, Shown, WorkerLoader
from tlbench.errors import ConfigError
from tlbench.pictures.drawing import Pixels
from tlbench.pictures.sheet import Key, Tile

Batch = tuple[Tensor, Any, Tensor]
"""Images (B, 3, H, W) float32, normalised; targets; positions in the split (B,) int64."""

Given = Tensor | Decoded
"""What a loader gives: positions in a split (B,) int64, or what was decoded for them."""


class Batches(ABC, Generic[A]):
    """Makes batches of a split's images and their annotations.

    What a loader gives lies on the host, or on the device where the split lies there; `training` and `plain` make the
    network's input of it on the device.

    Args:
        config: The run's; of the trainer its memory format and, where epochs differ, their number are used.

    Raises:
        ConfigError: A transform of the user's own is named, and cannot be used.
    """

    MOST: ClassVar[int]
    """Images a batch where no gradients are kept, as long as they are small."""

    TAKES_OWN_TRANSFORM: ClassVar[bool] = False
    """Whether training applies `augmentation.own`."""

    SMALL: ClassVar[int]
    """Side in pixels of the square up to whose area they are."""

    def __init__(self, config: TrainConfig) -> None:
        if config.augmentation.own is not None and not self.TAKES_OWN_TRANSFORM:
            raise ConfigError(f"augmentation.own: task={config.task.name} applies no transform of your own; use null")
        self.config = config
        self.channels_last = config.trainer.channels_last

    @classmethod
    def evaluation_batch_of(cls, data: DataConfig) -> int:
        """Images a batch where no gradients are kept: more than in training, up to `MOST` as long as they are small."""
        return max(data.batch_size, min(cls.MOST, cls.MOST * cls.SMALL**2 // math.prod(data.input_size)))

    @property
    def evaluation_batch(self) -> int:
        """As `evaluation_batch_of` this run's data."""
        return self.evaluation_batch_of(self.config.data)

    def loader(
        self,
        split: Samples[A],
        batch_size: int,
        *,
        training: bool = False,
        workers: int = 0,
        pin_memory: bool = False,
        passes: bool = True,
        **options: Any,
    ) -> OrderedLoader:
        """Gives out a split's batches, as `Given`.

        Args:
            split: It.
            batch_size: Samples a batch.
            training: Whether they are to be augmented.
            workers: Processes that decode, where images lie on disk.
            pin_memory: As in `DecodingLoader`.
            passes: Likewise.
            options: As in `OrderedLoader`.
        """
        if isinstance(split, MemorySamples):
            return PositionLoader(len(split), batch_size, split.images.device, **options)
        assert isinstance(split, FileSamples)
        size, shown = self.shown(split) if training else (None, None)
        options |= {"workers": workers, "pin_memory": pin_memory, "passes": passes}
        return WorkerLoader(split, batch_size, size=size, shown=shown, **options)

    @abstractmethod
    def shown(self, split: FileSamples[A]) -> tuple[Size, Shown | None]:
        """The height and width to which training images are decoded, pixels, and what samples show."""

    @abstractmethod
    def training(self, split: Samples[A], batch: Given, epoch: int) -> Batch:
        """An augmented batch of what the loader gave, on its device; a function of seed, epoch and positions."""

    @abstractmethod
    def plain(self, split: Samples[A], batch: Given) -> Batch:
        """A batch as it is, likewise."""

    def targets(self, split: Samples[A]) -> Tensor:
        """(N, …): what all outputs are compared with, where a task's features are cached; the labels, by default."""
        return split.labels

    @property
    def examples_show(self) -> str:
        """What `examples` and `drawn` draw on images, in words; empty: nothing, as labels are written above them."""
        return ""

    def examples(self, split: Samples[A], index: Tensor) -> list[Tile]:
        """Some images as they are kept, with what is known of them: the images alone, by default.

        Args:
            split: It, on the host.
            index: (M,) int64, positions in it.

        Raises:
            DataError: As `Samples.pictures`.
        """
        return [Tile(pixels) for pixels in as_pixels(split.pictures(index))]

    def drawn(self, batch: Batch, class_names: Sequence[str], most: int) -> list[Tile]:  # noqa: ARG002
        """A batch as the network sees it, back in RGB, with what it is compared with: the images alone, by default.

        Args:
            batch: Of any of the methods above, on any device.
            class_names: C names.
            most: Of its images, so many at most, the first ones.
        """
        return [Tile(pixels) for pixels in self.unnormalised(batch[0][:most])]

    def keys(self, class_names: Sequence[str]) -> list[Key]:  # noqa: ARG002
        """What colours in `drawn` mean, where nothing is written at what has them."""
        return []

    def unnormalised(self, inputs: Tensor) -> list[Pixels]:
        """The network's input (B, 3, H, W) as B images (H, W, 3) uint8, RGB; values beyond its range are clipped."""
        normalisation, inputs = self.config.data.normalisation, inputs.detach().cpu().double()
        mean, std = (torch.tensor(each).double().view(-1, 1, 1) for each in (normalisation.mean, normalisation.std))
        levels = ((inputs * std + mean).nan_to_num() * 255).round().clamp(0, 255)
        return as_pixels(levels.to(torch.uint8))

    @abstractmethod
    def noise(self, images: Tensor, classes: int) -> MemorySamples[A]:
        """Images (B, 3, H, W) uint8 as a split in memory with annotations of C classes: what a dry run times."""

    @abstractmethod
    def audit(self, target: Target[A], fingerprint: Callable[[str], str], *, test: bool) -> Audit:
        """Audit the splits that a run reads: train, val and, with `test`, test.

        Args:
            target: The opened target.
            fingerprint: Gives a split's SHA-256.
            test: Whether the run reads the test split.
        """

    @abstractmethod
    def was_read(self, target: Target[A]) -> WasRead:
        """What was read: for the user before training, and for the record."""


def as_pixels(images: Tensor) -> list[Pixels]:
    """(B, 3, H, W) uint8 as B images (H, W, 3)."""
    return list(images.permute(0, 2, 3, 1).cpu().numpy())


def stored(split: Samples[Any], batch: Given) -> tuple[Tensor, Tensor]:
    """Of samples that show one image each: the images (B, 3, H, W) uint8, and the positions (B,), on their device."""
    if isinstance(batch, Decoded):
        return batch.images, batch.samples
    assert isinstance(split, MemorySamples)
    return split.images[batch], batch
