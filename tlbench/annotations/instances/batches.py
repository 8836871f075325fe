"""Batches of images with boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from tlbench.annotations.instances.audit import InstanceAudit
from tlbench.annotations.instances.augment import evaluation_boxes, training_boxes
from tlbench.annotations.instances.config import InstanceAugmentation, InstanceDataConfig, mosaic_epochs
from tlbench.annotations.instances.drawn import crowd_boxes, object_boxes
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.annotations.instances.transformed import transformed
from tlbench.annotations.instances.was_read import boxes_read
from tlbench.config import TrainConfig
from tlbench.config.size import Size
from tlbench.data.audit import Audit, audit_target
from tlbench.data.batches import Batches, Given, as_pixels
from tlbench.data.samples import FileSamples, MemorySamples, Samples
from tlbench.data.target import Target
from tlbench.data.was_read import WasRead
from tlbench.data.worker_loader import Decoded, Shown
from tlbench.geometry.augment import prepare
from tlbench.geometry.mosaic import draw
from tlbench.geometry.own_transform import own_transform
from tlbench.pictures.palette import CLASS_COLOURS, class_colour
from tlbench.pictures.sheet import Key, Tile

Batch = tuple[Tensor, BoxTargets, Tensor]
"""Images (B, 3, H, W) float32 normalised, their objects, positions (B,)."""

_CORNERS, _SIDE = ((0.1, 0.1), (0.3, 0.5), (0.5, 0.2), (0.6, 0.6)), 0.25
"""Boxes of noise: x, y of their top left corners and their sides, as fractions of the image's."""


def network_input(images: Tensor, data: InstanceDataConfig, *, channels_last: bool = False) -> Tensor:
    """Images (B, 3, H, W) float32 in [0, 1], letterboxed, as the network takes them: normalised."""
    return prepare(images, data.input_size, data.normalisation, channels_last=channels_last)


class BoxBatches(Batches[Instances]):
    """See `tlbench.data.batches.Batches`."""

    TAKES_OWN_TRANSFORM: ClassVar[bool] = True
    MOST: ClassVar[int] = 32
    SMALL: ClassVar[int] = 640

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        assert isinstance(config.data, InstanceDataConfig)
        assert isinstance(config.augmentation, InstanceAugmentation)
        self.data, self.augmentation, self.seed = config.data, config.augmentation, config.seeds.augment
        self.mosaic_epochs = mosaic_epochs(config.augmentation, config.trainer.max_epochs)
        self.own = own_transform(config)

    def shown(self, split: FileSamples[Instances]) -> tuple[Size, Shown | None]:
        """The images of mosaics."""
        return split.size, Tiles(self.augmentation, len(split), split.size, self.seed, self.mosaic_epochs)

    def training(self, split: Samples[Instances], batch: Given, epoch: int) -> Batch:
        """Augmented."""
        index, decoded = _parts(batch)
        mosaic = epoch < self.mosaic_epochs
        inputs, targets = training_boxes(split, index, self.augmentation, self.seed, epoch, mosaic, decoded)
        if self.own is not None:
            inputs, targets = transformed(self.own, inputs, targets, index, epoch, len(split.class_names))
        return network_input(inputs, self.data, channels_last=self.channels_last), targets, index

    def plain(self, split: Samples[Instances], batch: Given) -> Batch:
        """Letterboxed."""
        index, decoded = _parts(batch)
        inputs, targets = evaluation_boxes(split, index, decoded)
        return network_input(inputs, self.data, channels_last=self.channels_last), targets, index

    @property
    def examples_show(self) -> str:
        """Boxes."""
        return "boxes: objects and their classes; dashed grey: crowds"

    def examples(self, split: Samples[Instances], index: Tensor) -> list[Tile]:
        """With boxes."""
        of = split.annotations.take(index)
        tiles = []
        for k, pixels in enumerate(as_pixels(split.pictures(index))):
            height, width = of.inside[k].tolist()
            factor = (of.inside[k].double() / of.sizes[k]).flip(0).repeat(2)
            rows = slice(*of.starts[k : k + 2].tolist())
            marks = object_boxes(of.boxes[rows] * factor, of.labels[rows], split.class_names)
            if of.crowds is not None:
                regions = slice(*of.crowds.starts[k : k + 2].tolist())
                marks = crowd_boxes(of.crowds.boxes[regions] * factor) + marks
            tiles.append(Tile(pixels[:height, :width], marks))
        return tiles

    def drawn(self, batch: Batch, class_names: Sequence[str], most: int) -> list[Tile]:
        """With boxes."""
        inputs, targets, _ = batch
        boxes, labels, image = (part.cpu() for part in (targets.boxes, targets.labels, targets.image))
        return [
            Tile(pixels, object_boxes(boxes[image == k], labels[image == k], class_names))
            for k, pixels in enumerate(self.unnormalised(inputs[:most]))
        ]

    def keys(self, class_names: Sequence[str]) -> list[Key]:
        """Of the classes that have a colour of their own."""
        return [Key(class_colour(label), name) for label, name in enumerate(class_names[: len(CLASS_COLOURS)])]

    def noise(self, images: Tensor, classes: int) -> MemorySamples[Instances]:
        """With four boxes an image."""
        count, each = len(images), len(_CORNERS)
        sizes = torch.tensor(images.shape[-2:]).repeat(count, 1)
        width_height = sizes[0].flip(0)
        corners = width_height * torch.tensor(_CORNERS)
        instances = Instances(
            boxes=torch.cat([corners, corners + width_height * _SIDE], dim=1).repeat(count, 1),
            labels=torch.arange(count * each) % classes,
            starts=torch.arange(count + 1) * each,
            class_names=tuple(map(str, range(classes))),
            sizes=sizes,
            inside=sizes,
        )
        return MemorySamples(images, instances, digests=np.zeros((count, 16), np.uint8)).to(images.device)

    def audit(self, target: Target[Instances], fingerprint: Callable[[str], str], *, test: bool) -> Audit:
        """Of images and boxes."""
        return audit_target(target, InstanceAudit(self.data), fingerprint, test=test)

    def was_read(self, target: Target[Instances]) -> WasRead:
        """With the objects of all splits."""
        return boxes_read(self.config.task.name, target)


@dataclass(frozen=True)
class Tiles:
    """The images that training samples show, those of mosaics included.

    Args:
        augmentation: Strengths and probabilities.
        count: Images in the split.
        size: Height and width of the input, pixels.
        seed: Augmentation seed.
        mosaic_epochs: How many epochs have mosaics, from the first on.
    """

    augmentation: InstanceAugmentation
    count: int
    size: Size
    seed: int
    mosaic_epochs: int

    def __call__(self, epoch: int, index: Tensor) -> tuple[Tensor, None]:
        """See `Shown`."""
        mosaic = epoch < self.mosaic_epochs
        return draw(self.augmentation, self.count, self.size, index, self.seed, epoch, mosaic=mosaic).tiles, None


def _parts(batch: Given) -> tuple[Tensor, Decoded | None]:
    """The positions, and what was decoded."""
    return (batch.samples, batch) if isinstance(batch, Decoded) else (batch, None)
