"""Noise with a few boxes an image."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tlbench.annotations.instances.augment import evaluation_boxes, training_boxes
from tlbench.annotations.instances.config import InstanceAugmentation, InstanceDataConfig, mosaic_epochs
from tlbench.annotations.instances.images import BoxImages
from tlbench.annotations.instances.module import evaluation_batch, network_input
from tlbench.config import TrainConfig
from tlbench.tasks.base import Batch
from tlbench.tasks.repeated import repeated

_CORNERS = ((0.1, 0.1), (0.3, 0.5), (0.5, 0.2), (0.6, 0.6))
_SIDE = 0.25
"""Boxes of each image: x, y of their top left corners and their side, as fractions of the image's."""


class BoxNoise:
    """See `Noise`. Training batches have mosaics if the run has epochs with them.

    Args:
        config: The run's configuration.
        classes: The target's, C.
        images: (B, 3, S, S) uint8.
    """

    def __init__(self, config: TrainConfig, classes: int, images: Tensor) -> None:
        assert isinstance(config.data, InstanceDataConfig)
        assert isinstance(config.augmentation, InstanceAugmentation)
        self._data, self._augmentation, self._seed = config.data, config.augmentation, config.seeds.augment
        self._channels_last = config.trainer.channels_last
        self._mosaic = mosaic_epochs(config.augmentation, config.trainer.max_epochs) > 0
        self._images = _with_boxes(images, classes)
        self.evaluation_batch = evaluation_batch(config.data)

    def training(self) -> Batch:
        """See `Noise`."""
        index = repeated(len(self._images), self._images.images)
        inputs, targets = training_boxes(self._images, index, self._augmentation, self._seed, 0, self._mosaic)
        return network_input(inputs, self._data, channels_last=self._channels_last), targets, index

    def plain(self, count: int) -> Batch:
        """See `Noise`."""
        index = repeated(count, self._images.images)
        inputs, targets = evaluation_boxes(self._images, index)
        return network_input(inputs, self._data, channels_last=self._channels_last), targets, index


def _with_boxes(images: Tensor, classes: int) -> BoxImages:
    count, side = len(images), images.shape[-1]
    corners, each = side * torch.tensor(_CORNERS), len(_CORNERS)
    sizes = torch.full((count, 2), side)
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
