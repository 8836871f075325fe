"""Runs that are stopped and taken up again in this process, and what must not depend on it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from torch import Tensor

from benchmarks.equal_runs import repeated_steps, result
from tests.commands import EVENT_FILES, TINY, _uid
from tlbench.cli.execute import execute
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.system.interrupts import Interrupted
from tlbench.tasks.base import Task
from tlbench.tasks.classification.task import ClassificationTask

STEPS = 3
"""Training steps an epoch."""

SHORT = (*TINY, "source=random", "data.shots=3", "logger.mistakes=0")

GRADUAL = (
    *SHORT,
    "strategy=gradual_unfreezing",
    "strategy.stages=[[head],[layer4],['layer[1-3]',stem]]",
    "trainer.max_epochs=4",
    "augmentation.brightness=0.3",
)
"""Four epochs, the second and the third of which begin a stage."""

ALL_AUGMENTATION = (
    "augmentation=rand_augment",
    "augmentation.crop_padding=2",
    "augmentation.brightness=0.2",
    "augmentation.contrast=0.2",
    "augmentation.saturation=0.2",
    "augmentation.mixup=0.2",
    "augmentation.cutmix=1.0",
    "task.label_smoothing=0.1",
)


@dataclass
class Outcome:
    """How a run ended.

    Attributes:
        code: As the command's exit code: 0, or 128 + signal.
        batches: Of each training step: optimizer steps done before, and the samples.
    """

    code: int
    batches: list[tuple[int, list[int]]] = field(default_factory=list)


@functools.cache
def short_config(*overrides: str) -> TrainConfig:
    return compose_config(overrides)


def go(config: TrainConfig, folder: Path, task: type[Task] = ClassificationTask) -> Outcome:
    """What the command does once its configuration is known; `task` is the one it trains."""
    outcome = Outcome(0)
    step = task.training_step

    def watched(self: Any, batch: Any, batch_idx: int) -> Tensor:
        outcome.batches.append((self.global_step, batch[2].tolist()))
        return step(self, batch, batch_idx)

    with mock.patch.object(task, "training_step", watched), mock.patch(EVENT_FILES, _uid):
        try:
            execute(config, folder)
        except Interrupted as error:
            outcome.code = error.exit_code
    return outcome


@contextlib.contextmanager
def stop_at(owner: Any, hook: str, call: int, stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` before the given call (from 1) of a hook, once."""
    original, calls = getattr(owner, hook), []

    def stopping(*args: Any, **kwargs: Any) -> Any:
        calls.append(None)
        if len(calls) == call:
            stop()
        return original(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, hook, stopping)
        yield
    assert len(calls) >= call, f"{hook} was called {len(calls)} times only"


def assert_equal_runs(folder: Path, other: Path) -> None:
    found, wanted = result(folder), result(other)
    for name in wanted:
        assert found[name] == wanted[name], name
    assert repeated_steps(found["TensorBoard"]) == []
