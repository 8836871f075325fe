"""A run stopped at any moment goes on with the same command, and ends as if it had never been stopped."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.commands import TINY, train
from tests.conftest import isolate, use_tiny_network
from tlbench.callbacks.curves import Curves
from tlbench.tasks.classification import ClassificationTask

THREE_EPOCHS = (
    *TINY,
    "source=random",
    "data.shots=3",
    "trainer.max_epochs=3",
    "callbacks.early_stopping.patience=3",
    "logger.mistakes=0",
    "data.augmentation.brightness=0.3",
)
"""Three epochs of three steps."""


class Killed(BaseException):
    """As if the process ended on the spot: nothing in tlbench catches it."""


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        use_tiny_network(monkeypatch)
        assert train(*THREE_EPOCHS, f"hydra.run.dir={folder}").code == 0
    return folder


def stop_at(monkeypatch, owner, hook, call, stop):
    """Call `stop` at the given call of a hook, once."""
    original, calls = getattr(owner, hook), []

    def stopping(self, *args, **kwargs):
        calls.append(None)
        if len(calls) == call:
            stop()
        return original(self, *args, **kwargs)

    monkeypatch.setattr(owner, hook, stopping)


def result(folder):
    """All that must not depend on an interruption."""
    record = json.loads((folder / "record.json").read_text())
    del record["volatile"]
    with np.load(folder / "predictions_test.npz") as file:
        predictions = {key: value.tobytes() for key, value in file.items()}
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    scalars = accumulator.Tags()["scalars"]
    curves = {tag: [(p.step, p.value) for p in accumulator.Scalars(tag)] for tag in scalars if tag != "epoch"}
    return record, predictions, curves


def assert_equal_tensors(a, b):
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_equal_tensors(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_equal_tensors(x, y)


def assert_equal_runs(folder, other):
    for of_one, of_other in zip(result(folder), result(other), strict=True):
        assert of_one == of_other
    for name in ("best.ckpt", "last.ckpt"):
        a, b = (torch.load(f / name, weights_only=True) for f in (folder, other))
        assert (a["epoch"], a["global_step"]) == (b["epoch"], b["global_step"])
        assert_equal_tensors(a["state_dict"], b["state_dict"])
        assert_equal_tensors(a.get("optimizer_states"), b.get("optimizer_states"))


MOMENTS = {
    "in the first epoch": (ClassificationTask, "training_step", 2),
    "in the middle of the second epoch": (ClassificationTask, "training_step", 5),
    "before the third epoch": (ClassificationTask, "training_step", 7),
    "in the second validation": (ClassificationTask, "validation_step", 2),
    "between validation and the checkpoint": (Curves, "on_train_epoch_end", 2),
    "in the test": (ClassificationTask, "test_step", 1),
}


@pytest.mark.usefixtures("tiny_network")
@pytest.mark.parametrize("moment", MOMENTS)
def test_stopped_by_a_signal(uninterrupted, tmp_path, monkeypatch, moment):
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_at(patch, *MOMENTS[moment], lambda: signal.raise_signal(signal.SIGTERM))
        stopped = train(*THREE_EPOCHS, f"hydra.run.dir={folder}")
    assert stopped.code == 143
    assert "SIGTERM: interrupted; the same command goes on" in stopped.one_line()
    assert json.loads((folder / "record.json").read_text())["status"] == "interrupted"
    resumed = train(*THREE_EPOCHS, f"hydra.run.dir={folder}")
    assert resumed.code == 0, resumed.err
    assert ("goes on from" in resumed.out) == (moment != "in the first epoch")
    assert_equal_runs(folder, uninterrupted)


@pytest.mark.usefixtures("tiny_network")
def test_ended_on_the_spot_twice(uninterrupted, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    for call in (5, 4):  # counted from the start of each: steps 5 and 7
        with monkeypatch.context() as patch:
            stop_at(patch, ClassificationTask, "training_step", call, _die)
            with pytest.raises(Killed):
                train(*THREE_EPOCHS, f"hydra.run.dir={folder}")
        assert not (folder / "record.json").exists()
    assert train(*THREE_EPOCHS, f"hydra.run.dir={folder}").code == 0
    assert json.loads((folder / "record.json").read_text())["volatile"]["resumes"] >= 1
    assert_equal_runs(folder, uninterrupted)


@pytest.mark.usefixtures("tiny_network")
def test_sigint_leaves_with_130(tmp_path, monkeypatch):
    stop_at(monkeypatch, ClassificationTask, "training_step", 1, lambda: signal.raise_signal(signal.SIGINT))
    stopped = train(*THREE_EPOCHS, f"hydra.run.dir={tmp_path}")
    assert stopped.code == 130
    assert "SIGINT" in stopped.one_line()


@pytest.mark.usefixtures("tiny_network")
def test_another_configuration_does_not_take_up_a_stopped_run(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, ClassificationTask, "training_step", 5, lambda: signal.raise_signal(signal.SIGTERM))
        train(*THREE_EPOCHS, f"hydra.run.dir={tmp_path}")
    other = train(*THREE_EPOCHS, f"hydra.run.dir={tmp_path}", "optimizer.lr=0.5")
    assert other.code == 2
    assert "optimizer.lr: 0.001 → 0.5" in other.one_line()
    assert json.loads((tmp_path / "record.json").read_text())["status"] == "interrupted"


@pytest.mark.slow
def test_a_killed_process(tmp_path):
    """`kill -9` of a real process, with the real network, between the second epoch's checkpoint and the end."""
    command = [sys.executable, "-m", "tlbench.train", *THREE_EPOCHS, "trainer.max_epochs=6"]
    process = subprocess.Popen([*command, f"hydra.run.dir={tmp_path / 'run'}"], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not (tmp_path / "run" / "last.ckpt").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    for name in ("run", "whole"):
        assert train(*THREE_EPOCHS, "trainer.max_epochs=6", f"hydra.run.dir={tmp_path / name}").code == 0
    assert_equal_runs(tmp_path / "run", tmp_path / "whole")


@pytest.mark.usefixtures("tiny_network")
def test_a_disk_that_fills_up_while_a_checkpoint_is_moved_there_leaves_the_earlier_one_whole(tmp_path, monkeypatch):
    """The system's temporary folder often lies on another disk than the outputs, where a file cannot be renamed to."""
    folder = tmp_path / "run"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    rename, replace = os.rename, os.replace

    def across(original):
        def renamed(source, target, **kwargs):
            if str(elsewhere) in str(source) and str(elsewhere) not in str(target):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source), None, str(target))
            return original(source, target, **kwargs)

        return renamed

    def full(source, target, **_):
        with open(target, "wb") as file:  # noqa: PTH123
            file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(os, "rename", across(rename))
    monkeypatch.setattr(os, "replace", across(replace))
    with monkeypatch.context() as patch:
        stop_at(patch, ClassificationTask, "training_step", 4, lambda: patch.setattr("shutil.copyfile", full))
        train(*THREE_EPOCHS, f"hydra.run.dir={folder}")
    for name in ("best.ckpt", "last.ckpt"):
        torch.load(folder / name, weights_only=True)
    assert train(*THREE_EPOCHS, f"hydra.run.dir={folder}").code == 0


def _die():
    raise Killed
