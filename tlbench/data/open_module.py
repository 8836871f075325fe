"""The data module of a configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tlbench.config import DetectionAugmentation, DetectionDataConfig, ImageAugmentation, ImageDataConfig, TrainConfig
from tlbench.data.target_module import TargetModule


def open_module(c: TrainConfig, say: Callable[[str], None], warn: Callable[[str], None]) -> TargetModule[Any]:
    """Open the target, and give its splits as a data module.

    Args:
        c: The run's configuration.
        say: Shows the user a line.
        warn: Shows the user a warning.

    Raises:
        ConfigError, DataError: The data cannot be used.
    """
    if isinstance(c.data, DetectionDataConfig):
        from tlbench.annotations.instances.module import DetectionDataModule
        from tlbench.annotations.instances.target import open_boxes

        assert isinstance(c.augmentation, DetectionAugmentation)
        boxes = open_boxes(c.data, c.seeds.split, say, warn)
        return DetectionDataModule(
            boxes, c.data, c.augmentation, c.seeds, c.trainer.max_epochs, channels_last=c.trainer.channels_last
        )
    from tlbench.data.module import ImageDataModule
    from tlbench.data.target import open_target

    assert isinstance(c.data, ImageDataConfig)
    assert isinstance(c.augmentation, ImageAugmentation)
    images = open_target(c.data, c.seeds.split, say, warn)
    return ImageDataModule(images, c.data, c.augmentation, c.seeds, channels_last=c.trainer.channels_last)
