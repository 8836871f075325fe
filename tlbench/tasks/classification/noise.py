"""Noise with one label an image."""

from __future__ import annotations

from torch import Tensor

from tlbench.annotations.labels.config import LabelAugmentation, LabelDataConfig
from tlbench.annotations.labels.module import evaluation_batch
from tlbench.annotations.labels.training_batch import training_batch
from tlbench.config import TrainConfig
from tlbench.geometry.augment import prepare
from tlbench.tasks.base import Batch
from tlbench.tasks.repeated import repeated


class ImageNoise:
    """See `Noise`.

    Args:
        config: The run's configuration.
        classes: The target's, C.
        images: (B, 3, S, S) uint8.
    """

    def __init__(self, config: TrainConfig, classes: int, images: Tensor) -> None:
        assert isinstance(config.data, LabelDataConfig)
        assert isinstance(config.augmentation, LabelAugmentation)
        self._data, self._augmentation, self._seed = config.data, config.augmentation, config.seeds.augment
        self._channels_last = config.trainer.channels_last
        self._classes, self._images = classes, images
        self.evaluation_batch = evaluation_batch(config.data)

    def training(self) -> Batch:
        """See `Noise`."""
        index = repeated(len(self._images), self._images)
        return training_batch(
            (self._images, index % self._classes, index),
            self._augmentation,
            self._data,
            self._classes,
            self._seed,
            0,
            channels_last=self._channels_last,
        )

    def plain(self, count: int) -> Batch:
        """See `Noise`."""
        index = repeated(count, self._images)
        data, images = self._data, self._images[index]
        inputs = prepare(images, data.image_size, data.normalisation, channels_last=self._channels_last)
        return inputs, index % self._classes, index
