"""tlbench's own training path, built as `tlbench.runs.run` builds it, over a target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.labels import Labels
from tlbench.callbacks.feature_cache import FeatureCache
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.data.formats.cifar10.copy import BATCHES
from tlbench.data.open import open_target
from tlbench.data.samples import MemorySamples
from tlbench.data.target import Target
from tlbench.data.target_module import TargetModule
from tlbench.loggers.build import build_loggers
from tlbench.networks.build import build_network
from tlbench.records.folder import begin
from tlbench.runs.trainer import build_trainer
from tlbench.system.voice import SILENT
from tlbench.tasks.base import Task
from tlbench.tasks.registry import spec_of
from tlbench.tasks.wings import wing_of

CLASSES, SIDE = 10, 32
TRAIN_IMAGES = 45_000
VAL_IMAGES = 256
"""One batch: validation is part of every epoch, but not of its training time."""


def in_memory(images: MemorySamples[Any], validated: int = VAL_IMAGES) -> Target[Any]:
    """A target whose training images are given, and so many of them validated; it is never tested on."""
    few = images.take(torch.arange(validated) % len(images))
    return Target("benchmark", {"train": images, "val": few, "test": few}, {})


@dataclass(frozen=True)
class Pipeline:
    """What `Trainer.fit` needs."""

    trainer: pl.Trainer
    task: Task
    module: TargetModule
    features: FeatureCache | None

    def fit(self, callback: pl.Callback) -> None:
        """Train, with one more callback, called before all others."""
        self.trainer.callbacks.insert(0, callback)  # type: ignore[attr-defined]
        self.trainer.fit(self.task, datamodule=self.module)


def compose(device: str, batch: int, precision: str, epochs: int, steps: int, more: Sequence[str]) -> TrainConfig:
    """The run's configuration: cifar10 with as many images as needed; what the arguments say goes before `more`."""
    shots = min(math.ceil(steps * batch / CLASSES), TRAIN_IMAGES // CLASSES)
    overrides = [
        "data=cifar10",
        "source=random",
        f"trainer={'gpu' if device == 'cuda' else 'cpu'}",
        f"trainer.precision={precision}",
        f"trainer.max_epochs={epochs}",
        f"data.batch_size={batch}",
        f"data.shots={shots}",
    ]
    return compose_config([*more, *overrides])


def training_images(config: TrainConfig, steps: int) -> tuple[str, MemorySamples[Labels]]:
    """What the images are, and a whole number of batches of them: CIFAR-10 if there is a copy, else noise."""
    root = Path(config.data.root or "data")
    wanted = steps * config.data.batch_size
    if any((root / name).is_dir() for name in ("cifar10", "train", BATCHES)):
        assert isinstance(config.data, LabelDataConfig)
        images = open_target(config.data, config.seeds.split).splits["train"]
        assert isinstance(images, MemorySamples)
        return "CIFAR-10", images.take(torch.arange(wanted) % len(images))
    pixels = torch.randint(0, 256, (wanted, 3, SIDE, SIDE), dtype=torch.uint8)
    names = tuple(str(c) for c in range(CLASSES))
    labels = Labels(torch.arange(wanted) % CLASSES, names)
    return f"noise (no copy of CIFAR-10 in {root})", MemorySamples(pixels, labels)


def build(config: TrainConfig, target: Target[Any], folder: Path) -> Pipeline:
    """Data module, network, task and Trainer, as in `tlbench.runs.run`, but that no checkpoint is written.

    A checkpoint follows an epoch's training time, so its callbacks stay and are called; they only keep none.
    """
    pl.seed_everything(config.seeds.init, verbose=False)
    c = config
    module = TargetModule(target, c.data, c.seeds, wing_of(c).batches(c))
    outputs = spec_of(c).outputs(len(target.class_names))
    network = build_network(c.model, outputs, c.seeds.init, c.data.input_size)
    if config.trainer.channels_last:
        network.module.to(memory_format=torch.channels_last)
    task = wing_of(c).task(network, config, target.class_names)
    begin(folder, config.model_dump(mode="json"))  # the run looks whether its folder stays
    parts = build_trainer(config, task, folder, build_loggers(config, folder), voice=SILENT)
    trainer = parts.trainer
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, ModelCheckpoint):
            callback.save_top_k = 0
    trainer.save_checkpoint = lambda *_, **__: None  # type: ignore[method-assign]
    return Pipeline(trainer, task, module, parts.features)
