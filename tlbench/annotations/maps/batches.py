"""Batches of images with class maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from tlbench.annotations.maps.audit import MapAudit
from tlbench.annotations.maps.augment import evaluation_maps, rarity_of, training_maps
from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.annotations.maps.config import MapAugmentation, MapDataConfig
from tlbench.annotations.maps.drawn import IGNORED, class_keys, ignored, kept_images, masks_of
from tlbench.annotations.maps.targets import MapTargets
from tlbench.annotations.maps.transformed import transformed
from tlbench.annotations.maps.was_read import maps_read
from tlbench.config import DataConfig, TrainConfig
from tlbench.config.size import Size
from tlbench.data.audit import Audit, audit_target
from tlbench.data.batches import Batches, Given
from tlbench.data.samples import FileSamples, MemorySamples, Samples
from tlbench.data.target import Target
from tlbench.data.was_read import WasRead
from tlbench.data.worker_loader import Decoded, Shown
from tlbench.geometry.augment import prepare
from tlbench.geometry.own_transform import own_transform
from tlbench.pictures.sheet import Key, Tile

Batch = tuple[Tensor, MapTargets, Tensor]
"""Images (B, 3, H, W) float32 normalised, their maps, positions (B,)."""


def network_input(images: Tensor, data: MapDataConfig, *, channels_last: bool = False) -> Tensor:
    """Images (B, 3, H, W) float32 in [0, 1], placed, as the network takes them: normalised."""
    height, width = images.shape[-2:]
    return prepare(images, (height, width), data.normalisation, channels_last=channels_last)


class MapBatches(Batches[ClassMaps]):
    """See `tlbench.data.batches.Batches`."""

    TAKES_OWN_TRANSFORM: ClassVar[bool] = True
    MOST: ClassVar[int] = 16
    SMALL: ClassVar[int] = 512

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        assert isinstance(config.data, MapDataConfig)
        assert isinstance(config.augmentation, MapAugmentation)
        self.data, self.augmentation, self.seed = config.data, config.augmentation, config.seeds.augment
        self.own = own_transform(config)
        self._planes: WeakKeyDictionary[Samples[ClassMaps], Tensor] = WeakKeyDictionary()
        self._rarity: WeakKeyDictionary[Samples[ClassMaps], Tensor] = WeakKeyDictionary()

    @classmethod
    def evaluation_batch_of(cls, data: DataConfig) -> int:
        """As in `Batches`; one image, where each has its own size."""
        return 1 if data.fit == "native" else super().evaluation_batch_of(data)

    def shown(self, split: FileSamples[ClassMaps]) -> tuple[Size, Shown | None]:
        """Whole images."""
        return split.size, None

    def training(self, split: Samples[ClassMaps], batch: Given, epoch: int) -> Batch:
        """Augmented."""
        pixels, rows, index = _parts(split, batch)
        maps = batch.planes if isinstance(batch, Decoded) else self._kept(split)
        assert maps is not None
        images, targets = training_maps(
            pixels,
            maps,
            rows,
            split.annotations,
            index,
            self.augmentation,
            self.seed,
            epoch,
            self._wanted(split),
            self.data.input_size,
        )
        if self.own is not None:
            images, targets = transformed(self.own, images, targets, index, epoch, len(split.class_names))
        return network_input(images, self.data, channels_last=self.channels_last), targets, index

    def plain(self, split: Samples[ClassMaps], batch: Given) -> Batch:
        """Letterboxed."""
        pixels, rows, index = _parts(split, batch)
        images, targets = evaluation_maps(pixels, rows, split.annotations, index, self.data.input_size)
        return network_input(images, self.data, channels_last=self.channels_last), targets, index

    @property
    def examples_show(self) -> str:
        """Surfaces."""
        return "surfaces: the classes of their pixels; grey: ignored"

    def examples(self, split: Samples[ClassMaps], index: Tensor) -> list[Tile]:
        """With surfaces."""
        names = split.class_names
        return [Tile(pixels, [ignored(of), *masks_of(of, names)]) for pixels, of in kept_images(split.take(index))]

    def drawn(self, batch: Batch, class_names: Sequence[str], most: int) -> list[Tile]:
        """With surfaces."""
        inputs, targets, _ = batch
        pairs = zip(self.unnormalised(inputs[:most]), targets.maps[:most].cpu().numpy(), strict=True)
        return [Tile(pixels, [ignored(of), *masks_of(of, class_names)]) for pixels, of in pairs]

    def keys(self, class_names: Sequence[str]) -> list[Key]:
        """Of the classes, and of what is ignored."""
        return [*class_keys(class_names), IGNORED]

    def noise(self, images: Tensor, classes: int) -> MemorySamples[ClassMaps]:
        """With stripes of all classes."""
        count, _, height, width = images.shape
        stripes = np.broadcast_to(np.arange(width) * classes // width, (height, width)).astype(np.uint8)
        maps = ClassMaps.of([stripes] * count, [str(number) for number in range(classes)])
        return MemorySamples(images, maps, digests=np.zeros((count, 16), np.uint8)).to(images.device)

    def audit(self, target: Target[ClassMaps], fingerprint: Callable[[str], str], *, test: bool) -> Audit:
        """Of images and maps."""
        return audit_target(target, MapAudit(self.data), fingerprint, test=test)

    def was_read(self, target: Target[ClassMaps]) -> WasRead:
        """With the pixels of all splits."""
        return maps_read(self.config.task.name, target)

    def _kept(self, split: Samples[ClassMaps]) -> Tensor:
        """(N, H, W) uint8: the maps of a split in memory as its images are kept, unpacked once."""
        if split not in self._planes:
            assert isinstance(split, MemorySamples)
            of = split.annotations
            planes = torch.empty(len(of), *split.size, dtype=torch.uint8)
            for i in range(len(of)):
                planes[i] = torch.from_numpy(of.plane(i, split.size))
            self._planes[split] = planes.to(split.images.device)
        return self._planes[split]

    def _wanted(self, split: Samples[ClassMaps]) -> Tensor:
        """As `rarity_of`, once a split, on its device."""
        if split not in self._rarity:
            self._rarity[split] = rarity_of(split.annotations).to(split.annotations.inside.device)
        return self._rarity[split]


def _parts(split: Samples[ClassMaps], batch: Given) -> tuple[Tensor, Tensor, Tensor]:
    """The images at hand, which of them each sample shows, and the samples' positions; on their device."""
    if isinstance(batch, Decoded):
        return batch.images, batch.rows[:, 0], batch.samples
    assert isinstance(split, MemorySamples)
    return split.images, batch, batch
