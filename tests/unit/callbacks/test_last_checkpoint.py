from __future__ import annotations

import signal

import pytest
import torch

from tlbench.callbacks import last_checkpoint
from tlbench.callbacks.last_checkpoint import LastCheckpoint
from tlbench.system.interrupts import Interrupted, Signals, interruptible

STEPS = 3
"""An epoch's, in `fit`."""


class Noted(LastCheckpoint):
    """Notes the steps at which it saves."""

    def __init__(self, path, *, every_n_epochs=1, every_n_minutes=None, signals=None):
        super().__init__(
            path, every_n_epochs=every_n_epochs, every_n_minutes=every_n_minutes, signals=signals or Signals()
        )
        self.steps = []

    def _save(self, trainer):
        self.steps.append(trainer.global_step)
        super()._save(trainer)


@pytest.fixture(autouse=True)
def handlers_put_back():
    with interruptible():
        yield


@pytest.mark.parametrize(
    ("every", "steps"), [(1, [3, 6, 9, 12, 15]), (2, [6, 12, 15]), (4, [12, 15]), (9, [15])], ids=str
)
def test_epochs_between_two_and_always_the_last(fit, tiny_task, tmp_path, every, steps):
    last = Noted(tmp_path / "last.ckpt", every_n_epochs=every)
    fit(tiny_task(), [last], epochs=5)
    assert last.steps == steps


def test_minutes_between_two(fit, tiny_task, tmp_path, monkeypatch):
    """A clock that goes on by 20 s at each look; of an epoch's last batch there is no look."""
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(last_checkpoint, "monotonic", lambda: float(next(clock)))
    last = Noted(tmp_path / "last.ckpt", every_n_epochs=9, every_n_minutes=1.0)
    fit(tiny_task(), [last], epochs=4)
    assert last.steps == [4, 8, 12]
    assert all(step % STEPS for step in last.steps[:-1])


@pytest.mark.parametrize(("at", "saved"), [(1, 1), (2, 2), (3, 3), (4, 4)])
def test_a_signal_is_handled_after_the_batch_or_at_the_epochs_end(fit, tiny_task, tmp_path, at, saved):
    class Struck(tiny_task):
        validations = 0

        def training_step(self, batch, batch_idx):
            if self.global_step == at - 1:
                signal.raise_signal(signal.SIGTERM)
            return super().training_step(batch, batch_idx)

        def on_validation_epoch_end(self):
            super().on_validation_epoch_end()
            self.validations += 1

    signals, task = Signals(), Struck()
    last = Noted(tmp_path / "last.ckpt", signals=signals)
    with pytest.raises(Interrupted, match="SIGTERM"):
        fit(task, [last], num_sanity_val_steps=0)
    assert last.steps[-1] == saved
    assert task.validations == at // STEPS
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == saved
    assert not signals.deferred


def test_a_signal_after_the_last_save_ends_the_fit(fit, tiny_task, tmp_path):
    signals = Signals()

    class Late(Noted):
        def on_train_end(self, trainer, pl_module):
            signal.raise_signal(signal.SIGINT)
            super().on_train_end(trainer, pl_module)

    with pytest.raises(Interrupted, match="SIGINT"):
        fit(tiny_task(), [Late(tmp_path / "last.ckpt", signals=signals)])


def test_an_epoch_that_is_ended_once_more_is_not_saved_once_more(fit, tiny_task, tmp_path):
    path = tmp_path / "last.ckpt"
    fit(tiny_task(), [Noted(path)], epochs=1)
    resumed = Noted(path)
    fit(tiny_task(), [resumed], epochs=2, resume=path)
    assert resumed.steps == [2 * STEPS]


@pytest.mark.promise("no step twice")
def test_what_is_logged_is_on_the_disk_before_the_checkpoint(tmp_path):
    order = []

    class Logger:
        def save(self):
            order.append("logs")

    class Saving:
        loggers = (Logger(),)
        global_step = 1

        def save_checkpoint(self, path):
            order.append(path.name)

    Noted(tmp_path / "last.ckpt")._save(Saving())
    assert order == ["logs", "last.ckpt"]
