"""Batches of images with boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tlbench.annotations.instances.audit import audit_boxes
from tlbench.annotations.instances.augment import evaluation_boxes, training_boxes
from tlbench.annotations.instances.config import InstanceAugmentation, InstanceDataConfig, mosaic_epochs
from tlbench.annotations.instances.images import BoxFiles, BoxImages, BoxSplit
from tlbench.annotations.instances.loader import PositionLoader
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.annotations.instances.was_read import boxes_read
from tlbench.annotations.instances.worker_loader import BoxWorkerLoader, Decoded
from tlbench.config import Seeds
from tlbench.data.audit import Audit
from tlbench.data.loader import OrderedLoader
from tlbench.data.target import Target
from tlbench.data.was_read import WasRead
from tlbench.geometry.augment import prepare

Batch = tuple[Tensor, BoxTargets, Tensor]
"""Images (B, 3, S, S) float32 normalised, their objects, positions (B,)."""

_EVALUATION_PIXELS = 32 * 640**2

_CORNERS, _SIDE = ((0.1, 0.1), (0.3, 0.5), (0.5, 0.2), (0.6, 0.6)), 0.25
"""Boxes of noise: x, y of their top left corners and their side, as fractions of the image's."""


def evaluation_batch(data: InstanceDataConfig) -> int:
    """Images a batch where no gradients are kept: more than in training, up to 32, as long as they are small."""
    return max(data.batch_size, min(32, _EVALUATION_PIXELS // data.image_size**2))


def network_input(images: Tensor, data: InstanceDataConfig, *, channels_last: bool = False) -> Tensor:
    """Images (B, 3, S, S) float32 in [0, 1], letterboxed, as the network takes them: normalised."""
    return prepare(images, data.image_size, data.normalisation, channels_last=channels_last)


class BoxBatches:
    """See `tlbench.data.batches.Batches`.

    Args:
        data: The target's config.
        augmentation: How training images are augmented.
        seeds: The run's seeds; `augment` is used.
        task: Its name.
        max_epochs: Of the run; the last ones have no mosaic.
        channels_last: Memory format of the images.
    """

    def __init__(
        self,
        data: InstanceDataConfig,
        augmentation: InstanceAugmentation,
        seeds: Seeds,
        task: str,
        max_epochs: int,
        *,
        channels_last: bool = False,
    ) -> None:
        self.data, self.augmentation, self.seeds, self.task = data, augmentation, seeds, task
        self.mosaic_epochs = mosaic_epochs(augmentation, max_epochs)
        self.channels_last = channels_last

    @property
    def evaluation_batch(self) -> int:
        """As `evaluation_batch`."""
        return evaluation_batch(self.data)

    def loader(
        self,
        split: BoxSplit,
        batch_size: int,
        *,
        training: bool = False,
        workers: int = 0,
        pin_memory: bool = False,
        passes: bool = True,
        **options: Any,
    ) -> OrderedLoader:
        """Gives out positions (B,), or what was decoded for them."""
        if not isinstance(split, BoxFiles):
            return PositionLoader(len(split), batch_size, **options)
        return BoxWorkerLoader(
            split,
            batch_size,
            augmentation=self.augmentation if training else None,
            augment_seed=self.seeds.augment,
            mosaic_epochs=self.mosaic_epochs,
            workers=workers,
            pin_memory=pin_memory,
            passes=passes,
            **options,
        )

    def training(self, split: BoxSplit, batch: Tensor | Decoded, epoch: int) -> Batch:
        """Augmented."""
        index, decoded = _parts(batch)
        mosaic = epoch < self.mosaic_epochs
        inputs, targets = training_boxes(split, index, self.augmentation, self.seeds.augment, epoch, mosaic, decoded)
        return network_input(inputs, self.data, channels_last=self.channels_last), targets, index

    def plain(self, split: BoxSplit, batch: Tensor | Decoded) -> Batch:
        """Letterboxed."""
        index, decoded = _parts(batch)
        inputs, targets = evaluation_boxes(split, index, decoded)
        return network_input(inputs, self.data, channels_last=self.channels_last), targets, index

    def noise(self, images: Tensor, classes: int) -> BoxImages:
        """With four boxes an image."""
        count, side, each = len(images), images.shape[-1], len(_CORNERS)
        corners, sizes = side * torch.tensor(_CORNERS), torch.full((count, 2), side)
        return BoxImages(
            names=tuple(map(str, range(count))),
            sizes=sizes,
            inside=sizes,
            boxes=torch.cat([corners, corners + side * _SIDE], dim=1).repeat(count, 1),
            labels=torch.arange(count * each) % classes,
            starts=torch.arange(count + 1) * each,
            class_names=tuple(map(str, range(classes))),
            side=side,
            digests=np.zeros((count, 16), np.uint8),
            thumbnails=torch.empty(0),
            listing=None,
            images=images,
        ).to(images.device)

    def audit(self, target: Target[BoxSplit], _fingerprint: Callable[[str], str], *, test: bool) -> Audit:
        """Of images and boxes."""
        return audit_boxes(target, self.data, test=test)

    def was_read(self, target: Target[BoxSplit]) -> WasRead:
        """Each class's objects."""
        return boxes_read(self.task, target)


def _parts(batch: Tensor | Decoded) -> tuple[Tensor, Decoded | None]:
    return (batch.samples, batch) if isinstance(batch, Decoded) else (batch, None)
