"""On a clock that stands still but where a test moves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from tlbench.callbacks import training_clock
from tlbench.callbacks.last_checkpoint import LastCheckpoint
from tlbench.callbacks.training_clock import TrainingClock
from tlbench.system.interrupts import Signals

EPOCH = 10.0
"""Seconds that each epoch takes: 2 a step, 4 for validation."""


class Time(Callback):
    """Passes as a run goes on: 3 s before the first step, as for features, then an epoch's."""

    def __init__(self) -> None:
        self.now = 1000.0

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        self.now += 3

    def on_train_batch_end(self, *_: Any) -> None:
        self.now += 2

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if not trainer.sanity_checking:
            self.now += 4


@pytest.fixture
def run(tiny_task: Any, fit: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trains at most 6 epochs of 3 steps; returns the Trainer and its clock."""

    def run(limit: float | None, *callbacks: Callback, **options: Any) -> tuple[Any, TrainingClock]:
        time, clock = Time(), TrainingClock(limit)
        monkeypatch.setattr(training_clock, "monotonic", lambda: time.now)
        options = {"epochs": 6, "num_sanity_val_steps": 0, "enable_progress_bar": False, **options}
        return fit(tiny_task(), [clock, time, *callbacks], **options), clock

    return run


def every_epoch(folder: Path) -> ModelCheckpoint:
    return ModelCheckpoint(dirpath=folder, filename="{step}", save_top_k=-1, save_on_train_epoch_end=True)


def test_each_epochs_end_is_kept(run: Any) -> None:
    trainer, clock = run(None)
    assert clock.epoch_ends == [13, 23, 33, 43, 53, 63]
    assert (clock.seconds, clock.used_up, trainer.current_epoch) == (63, False, 6)


@pytest.mark.promise("a time limit")
@pytest.mark.parametrize(("limit", "epochs"), [(1, 1), (13, 1), (13.1, 2), (33, 3), (43, 4)])
def test_a_run_ends_with_the_epoch_in_which_its_time_is_used_up(run: Any, limit: float, epochs: int) -> None:
    trainer, clock = run(limit)
    assert (trainer.current_epoch, trainer.global_step, clock.used_up) == (epochs, 3 * epochs, True)
    assert clock.epoch_ends == [EPOCH * (i + 1) + 3 for i in range(epochs)]


@pytest.mark.parametrize("limit", [55, 63, 1000])
def test_the_last_epoch_is_not_ended_by_time(run: Any, limit: float) -> None:
    trainer, clock = run(limit)
    assert (trainer.current_epoch, clock.used_up) == (6, False)


@pytest.mark.promise("a time limit over resumptions")
@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_resumed_run_has_used_what_it_used_before(run: Any, tmp_path: Path, epoch: int) -> None:
    run(None, every_epoch(tmp_path))
    trainer, clock = run(40, resume=tmp_path / f"step={3 * epoch}.ckpt")
    before, again = [13, 23, 33][:epoch], EPOCH * epoch + 3 + 3  # it computes its features anew
    expected = [*before, *(again + EPOCH * i for i in range(1, 4 - epoch + 1))]
    kept = next(i for i, end in enumerate(expected) if end >= 40) + 1
    assert clock.epoch_ends == expected[:kept]
    assert (trainer.current_epoch, clock.used_up) == (kept, True)


def test_a_run_that_had_ended_stays_ended(run: Any, tmp_path: Path) -> None:
    run(33, every_epoch(tmp_path))
    trainer, clock = run(33, resume=tmp_path / "step=9.ckpt")
    assert (trainer.current_epoch, trainer.global_step) == (3, 9)
    assert (clock.epoch_ends, clock.used_up) == ([13, 23, 33], True)


def test_time_that_is_used_up_within_an_epoch_ends_it_only_at_its_end(run: Any, tmp_path: Path) -> None:
    class Within(Callback):
        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            if trainer.global_step == 4:
                trainer.save_checkpoint(tmp_path / "within.ckpt")

    run(None, Within())
    (state,) = [
        value
        for key, value in torch.load(tmp_path / "within.ckpt", weights_only=True)["callbacks"].items()
        if key.startswith("TrainingClock")
    ]
    assert state == {"seconds": 15.0, "step": 3, "epoch_ends": [13.0], "used_up": False}
    trainer, clock = run(14, resume=tmp_path / "within.ckpt")
    assert (trainer.current_epoch, trainer.global_step) == (2, 6)
    assert clock.epoch_ends == [13, 15 + 3 + 2 * 2 + 4]


def test_the_last_checkpoint_is_of_the_epoch_that_time_ended(run: Any, tmp_path: Path) -> None:
    last = LastCheckpoint(tmp_path / "last.ckpt", every_n_epochs=5, every_n_minutes=None, signals=Signals())
    run(23, last)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 6


@pytest.mark.parametrize("first", [True, False])
def test_of_several_processes_the_firsts_clock_decides(run: Any, first: bool) -> None:
    asked = []

    class Other(Callback):
        """The clock of this process says otherwise."""

        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            trainer.strategy.broadcast = lambda own, src=0: asked.append((own, src)) or first

    trainer, clock = run(1000 if first else 1, Other())
    assert asked[0] == (not first, 0)
    assert (trainer.current_epoch, clock.used_up) == ((1, True) if first else (6, False))
