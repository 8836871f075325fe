"""Draws the first training batch as the network sees it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from lightning.pytorch import Callback, LightningModule, Trainer

from tlbench.config import TrainConfig
from tlbench.data.batches import Batch
from tlbench.data.target_module import TargetModule
from tlbench.pictures.files import png
from tlbench.pictures.sheet import sheet
from tlbench.processes.rank import is_first_process
from tlbench.system.atomic import write_atomic

if TYPE_CHECKING:
    from tlbench.tasks.base import Task

_MOST_IMAGES = 16
_SIDE, _DRAWN_SIDE = 150, 320
"""About the pixels of an image: under its label, and with what is drawn on it."""


class TrainingBatch(Callback):
    """Keeps up to 16 images of the first batch of the first epoch as a picture, with what they are compared with.

    These are the very tensors that go into the network, after augmentation, mixing and normalisation, which is undone.
    Nothing is drawn at random for it, and nothing of the run changes. A run that goes on has the picture from before.

    Args:
        file: The picture.
        config: The run's.
    """

    def __init__(self, file: Path, config: TrainConfig) -> None:
        self._file = file
        self._config = config

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        """Draw it, in the first of several processes.

        Raises:
            OutputError: The disk refuses.
        """
        if trainer.current_epoch or batch_idx or not is_first_process():
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, TargetModule)
        names, cached = data.target.class_names, cast("Task", pl_module).on_features
        if cached:
            train, index = data.target.splits["train"], batch[2][:_MOST_IMAGES].cpu()
            tiles = data.batches.examples(train, index % len(train))  # each image `data.repeat` times
        else:
            tiles = data.batches.drawn(batch, names, _MOST_IMAGES)
        height, width = data.data.input_size if cached else batch[0].shape[-2:]
        of = f"{len(tiles)} of {self._config.data.batch_size} images, {width} × {height} pixels"
        lines = ["first training batch (epoch 1), as the network sees it", of, _augmentation(self._config, cached)]
        side = _whole(_DRAWN_SIDE if data.batches.examples_show else _SIDE, max(height, width))
        paper = sheet(tiles, heading="\n".join(lines), keys=data.batches.keys(names), side=side)
        write_atomic(self._file, png(paper))


def _whole(side: int, longer: int) -> int:
    """About the side: the nearest one that is a whole number of times a smaller image's."""
    return longer * round(side / longer) if longer <= side else side


def _augmentation(config: TrainConfig, cached: bool) -> str:
    """In words: the keys that are not 0 or null."""
    if cached:
        return "no augmentation: the frozen layers' features of these images are computed once"
    given = config.augmentation.model_dump()
    values = {key: value for key, value in given.items() if value and key != "name"}
    if not values:
        return "no augmentation"
    parts = [key if isinstance(value, dict) else f"{key} {value}" for key, value in values.items()]
    return f"augmentation={given['name']}: {', '.join(parts)}"
