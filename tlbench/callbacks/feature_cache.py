"""Computes the inputs of the head once, where nothing before it can change them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from tlbench.data.target_module import TargetModule
from tlbench.errors import ConfigError
from tlbench.metrics.finite_outputs import FiniteOutputs, check_training
from tlbench.networks.head_input import HeadInput
from tlbench.system.voice import Voice

if TYPE_CHECKING:
    from tlbench.tasks.base import Task

SPLITS = ("train", "val")


class FeatureCache(Callback):
    """With a frozen backbone and no augmentation, trains the head on features computed before the first epoch.

    They are kept on the device (4 bytes · N · F). Test, and everything after the fit, goes through the whole network.

    Args:
        voice: Speaks to the user.

    Attributes:
        seconds: What the computation took.
    """

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self.seconds: float | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compute the features of training and validation images, and train on them.

        Raises:
            ConfigError: The network's outputs are not the head's of one tensor (N, F), or that tensor is drawn.
            NonFiniteOutputs: The network gives NaN or +inf, as it comes from its source.
        """
        begun = time.perf_counter()
        data, task = trainer.datamodule, cast("Task", pl_module)  # type: ignore[attr-defined]
        assert isinstance(data, TargetModule)
        training = task.training
        task.eval()
        with torch.no_grad(), trainer.precision_plugin.forward_context():
            features = {split: self._features(task, data, split) for split in SPLITS}
        task.train(training)
        for split, values in features.items():
            data.use_features(split, values)
        task.on_features = True
        self.seconds = time.perf_counter() - begun
        counts = ", ".join(f"{len(values)} of {split}" for split, values in features.items())
        self._voice.say(f"features computed once: {counts}, {features['train'].shape[1]} each, in {self.seconds:.1f} s")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let what follows go through the whole network."""
        cast("Task", pl_module).on_features = False
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, TargetModule)
        data.drop_features()

    def _features(self, task: Task, data: TargetModule, split: str) -> Tensor:
        batches, finite = [], FiniteOutputs().to(task.device)
        with HeadInput(task.layer_groups) as captured:
            for number, images in enumerate(data.prepared(split)):
                outputs = task.network(images)
                features = captured.value
                captured.clear()
                finite.update(outputs, len(images))
                if number == 0:
                    self._check(task, features, outputs)
                assert features is not None
                if number == 0 and task.config.model.library != "torchvision":
                    self._check_steady(task, captured, images, features)
                batches.append(features)
        check_training(finite, f"features of {split}", task.network, task.config)
        return torch.cat(batches)

    @staticmethod
    def _check_steady(task: Task, captured: HeadInput, images: Tensor, features: Tensor) -> None:
        """Whether the features are the same in train mode, where a network may drop some of them before its head."""
        few = slice(0, 2)
        task.freezing.set_trainable(task.stages[0].trainable)  # as they are while the head trains
        task.train()
        task.layer_groups.head_module().eval()  # its BatchNorm is not to see these images twice
        task.network(images[few])
        again = captured.value
        captured.clear()
        task.eval()
        if again is None or (again - features[few]).norm() > 0.05 * features[few].norm():
            raise ConfigError(
                f"strategy.cache_features=true: in training {task.config.model.name!r} gives its head other features "
                "than in evaluation, as with dropout before it; use strategy.cache_features=false, or no dropout there"
            )

    @staticmethod
    def _check(task: Task, features: Tensor | None, outputs: Any) -> None:
        fits = False
        if features is not None and features.ndim == 2 and isinstance(outputs, Tensor):
            again = task.layer_groups.head_module()(features)
            fits = torch.equal(again.nan_to_num(), outputs.nan_to_num())  # NaN is another fault, which is told of later
        if not fits:
            raise ConfigError(
                f"strategy.cache_features=true: the outputs of {task.config.model.name!r} are more than its "
                "head's of one tensor, so the head cannot be trained by itself; use strategy.cache_features=false"
            )
