"""Runs of the contract suite, each made once and kept until the next is asked for."""

from __future__ import annotations

import contextlib
import functools
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.commands import Outcome, train
from tests.contract.rows import EARLIER, Row
from tests.contract.subject import Numbers, Subject, subjects
from tlbench.callbacks.curves import Curves
from tlbench.config import TrainConfig
from tlbench.config.parse import parse
from tlbench.data.open import open_target
from tlbench.networks.build import build_network
from tlbench.networks.layer_groups import new_groups
from tlbench.networks.network import Network
from tlbench.records.folder import PREDICTIONS_FILE
from tlbench.records.record import Record
from tlbench.sources.load import apply_source
from tlbench.tasks.base import Task
from tlbench.tasks.registry import specs
from tlbench.tasks.spec import TaskSpec

EPOCHS = 2
ALWAYS = ("trainer=cpu", f"trainer.max_epochs={EPOCHS}", "optimizer.warmup_epochs=0", "logger.tensorboard=false")

State = dict[str, Tensor]


@dataclass
class Made:
    """A run that was made of a row.

    Attributes:
        row: The row.
        folder: The run's.
        data: The folder of its data.
        outcome: What the command said.
        epochs: Of each epoch, the network's tensors when it had trained.
    """

    row: Row
    folder: Path
    data: Path
    outcome: Outcome
    epochs: list[State] = field(default_factory=list)

    @property
    def subject(self) -> Subject:
        return subjects()[self.row.task]

    @property
    def spec(self) -> TaskSpec:
        return specs()[self.row.task]

    @functools.cached_property
    def record(self) -> Record:
        return Record.model_validate_json((self.folder / "record.json").read_text())

    @functools.cached_property
    def config(self) -> TrainConfig:
        return parse(self.record.config)

    @functools.cached_property
    def start(self) -> tuple[Network, State]:
        """The network as training begins with it, made anew, and its tensors."""
        assert self.record.data is not None
        c = self.config
        network = build_network(c.model, len(self.record.data.class_names), c.seeds.init, c.data.input_size)
        apply_source(network, c.source, c.model, c.data)
        return network, network.module.state_dict()

    @functools.cached_property
    def kept(self) -> dict[str, Numbers]:
        """Path of a test image → what was kept of it."""
        with np.load(self.folder / PREDICTIONS_FILE) as file:
            arrays: dict[str, NDArray[Any]] = dict(file)
        test = open_target(self.config.data, self.config.seeds.split).splits["test"]
        assert test.names is not None
        files = [_below(self.data, name) for name in test.names]
        return dict(zip(files, self.subject.kept(arrays), strict=True))


def _below(data: Path, name: str) -> str:
    """The file below the data's folder that an image's name stands for."""
    (found,) = [path for path in (Path(name), data / name) if path.is_file()]
    return str(found.resolve())


class Workshop:
    """Makes runs.

    Args:
        folder: A new folder, for data, runs and what they leave.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._last: Made | None = None

    def data(self, task: str) -> Path:
        """The drawn data of a task; do not write there."""
        folder = self.folder / task / "data"
        if not folder.exists():
            folder.mkdir(parents=True)
            subjects()[task].draw(folder)
        return folder

    def earlier(self, task: str) -> Path:
        """The folder of an earlier run of a task: its strategy is `full`, its source `random`."""
        folder = self.folder / task / "earlier"
        if not folder.exists():
            row = Row(task, "random", "full", "memory", "batch")
            outcome = train(*self.overrides(row), f"hydra.run.dir={folder}")
            assert outcome.code == 0, outcome.out + outcome.err
        return folder

    def groups(self, task: str) -> list[str]:
        """The layer groups of a task's network, from input to head."""
        model = Record.model_validate_json((self.earlier(task) / "record.json").read_text()).model
        assert model is not None
        return list(model.group_parameters)

    def overrides(self, row: Row) -> list[str]:
        """The command line of a row's run, but for its folder."""
        subject = subjects()[row.task]
        further = list(subject.sources.get(row.source, ()))
        if row.source == EARLIER:
            further.append(f"checkpoint={self.earlier(row.task)}")
        if row.strategy == "gradual_unfreezing":
            groups = self.groups(row.task)
            new = new_groups(groups)
            further.append(f"strategy.stages=[[{','.join(new)}],[{groups[-len(new) - 1]}]]")
        if row.strategy == "feature_extractor":
            further.append(subject.still)
        own = [override.replace("{data}", str(self.data(row.task))) for override in subject.quick]
        return [f"task={row.task}", *own, *ALWAYS, *row.options, f"trainer.max_epochs={EPOCHS}", *further]

    def made(self, row: Row) -> Made:
        """The run of a row; that of any other row is gone."""
        if self._last is None or self._last.row != row:
            if self._last is not None:
                shutil.rmtree(self._last.folder.parent)
            self._last = None  # if the next fails
            self._last = self._make(row)
        return self._last

    def _make(self, row: Row) -> Made:
        overrides, folder = self.overrides(row), self.folder / str(row) / "run"
        epochs: list[State] = []
        with pytest.MonkeyPatch.context() as patch:
            noting(patch, epochs.append)
            outcome = train(*overrides, f"hydra.run.dir={folder}")
        assert outcome.code == 0, outcome.out + outcome.err
        return Made(row, folder, self.data(row.task), outcome, epochs)


def noting(patch: pytest.MonkeyPatch, note: Callable[[State], None]) -> None:
    """Hand over the network's tensors at the end of each epoch's training, once validation has swapped them back."""
    epoch_end = Curves.on_train_epoch_end

    def noted(curves: Curves, trainer: Any, task: Any) -> None:
        if not (curves.rows and curves.rows[-1]["step"] == trainer.global_step):
            note({name: tensor.detach().cpu().clone() for name, tensor in task.network.state_dict().items()})
        epoch_end(curves, trainer, task)

    patch.setattr(Curves, "on_train_epoch_end", noted)


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same bits."""
    return one.dtype == other.dtype and one.shape == other.shape and bool(torch.equal(one, other))


def moved(before: State, after: State) -> set[str]:
    """The names of the tensors that have changed."""
    return {name for name, tensor in before.items() if not same(tensor, after[name])}


@contextlib.contextmanager
def interrupted(epoch: int, batch: int) -> Iterator[None]:
    """Let SIGTERM come before a batch of an epoch, both counted from 1, once."""
    batch_start, stopped = Task.on_train_batch_start, []

    def stopping(task: Task, given: Any, number: int) -> None:
        if (task.current_epoch + 1, number + 1) == (epoch, batch) and not stopped:
            stopped.append(True)
            signal.raise_signal(signal.SIGTERM)
        batch_start(task, given, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "on_train_batch_start", stopping)
        yield
    assert stopped, "the run never came so far"
