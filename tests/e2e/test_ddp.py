"""Several gloo processes on this machine's CPU train one model: as one process would, and as one command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.commands import train
from tests.final_state import FINAL
from tests.several import DDP, Several, alive, install, python
from tlbench.errors import OutputError

pytestmark = pytest.mark.usefixtures("final_state")

GROUPS = {"stem", "layer1", "layer2", "layer3", "layer4", "head"}
GROUP_NORM = (*DDP, "model.norm=group", "data.val_fraction=0.2855", "data.test_fraction=0.2855", "data.draw=position")
"""513 images each of validation and test: two batches in the first process, one in the second."""


@pytest.fixture
def several(monkeypatch, tmp_path):
    install(monkeypatch.setattr)
    return Several(monkeypatch, tmp_path)


def printed_by_others(capfd):
    """All but what DDP warns of in C++ in this process, where torch was imported before a run could silence it, and
    what matplotlib says where listing the fonts takes long."""
    out, err = capfd.readouterr()
    known = ("[rank0]:[W", "Matplotlib is building the font cache")
    return [line for line in (out + err).splitlines() if not line.startswith(known)]


def record(folder):
    return json.loads((folder / "record.json").read_text())


def predictions(folder):
    with np.load(folder / "predictions_test.npz") as file:
        return dict(file)


def state(folder, name=FINAL):
    return torch.load(folder / name, weights_only=True)


def assert_same_bits(a, b, where=""):
    assert type(a) is type(b), where
    if isinstance(a, torch.Tensor):
        assert a.numpy().tobytes() == b.numpy().tobytes(), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same_bits(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for number, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same_bits(x, y, f"{where}/{number}")


@pytest.mark.promise("frozen after a resume", "processes train as one", "each sample once")
def test_two_processes_train_as_one(several, tmp_path, capfd):
    one = train(*GROUP_NORM, "trainer.devices=1", "hydra.run.dir=one")
    assert one.code == 0, one.err
    alone = several.seen()
    several.watch("two_log")
    capfd.readouterr()
    two = train(*GROUP_NORM, "hydra.run.dir=two")
    assert two.code == 0, two.err
    seen = several.seen()
    assert printed_by_others(capfd) == []
    assert len(seen.pids) == 2

    assert list(seen.steps[0]) == list(seen.steps[1]) == list(range(9))
    for step, whole in alone.steps[0].items():
        first, second = seen.steps[0][step], seen.steps[1][step]
        assert len(first) == len(second) == 4
        assert not set(first) & set(second)
        assert sorted(first + second) == sorted(whole)

    assert list(seen.stages[0]) == [0, 1, 2]
    assert seen.stages[0] == seen.stages[1]
    assert set(seen.stages[0][0]) == GROUPS
    frozen_at_first = {"stem", "layer1", "layer2", "layer3"}
    assert set(seen.frozen[0]) == {*frozen_at_first, "layer4"}
    assert set(seen.frozen[1]) == frozen_at_first
    assert seen.frozen[2] == []
    for group in GROUPS:
        changed = [seen.stages[0][n][group] != seen.stages[0][n - 1][group] for n in (1, 2)]
        assert changed == [group not in frozen_at_first, True]
        assert seen.stages[0][0][group] == alone.stages[0][0][group] or group == "head"

    for name, tensor in state(tmp_path / "one")["state_dict"].items():
        torch.testing.assert_close(state(tmp_path / "two")["state_dict"][name], tensor, rtol=0, atol=1e-5)
    of_one, of_two = record(tmp_path / "one"), record(tmp_path / "two")
    assert len(of_one["metrics"]) > 30
    assert of_two["metrics"] == pytest.approx(of_one["metrics"], rel=0, abs=1e-5)
    for row_of_one, row_of_two in zip(of_one["curves"], of_two["curves"], strict=True):
        assert row_of_two == pytest.approx(row_of_one, rel=0, abs=1e-5)
    assert of_two["stages"] == of_one["stages"]
    assert len(of_two["stages"]) == 3
    of_one, of_two = predictions(tmp_path / "one"), predictions(tmp_path / "two")
    assert of_two["index"].tolist() == list(range(513))
    for key in of_one:
        np.testing.assert_allclose(of_two[key], of_one[key], rtol=0, atol=1e-5)
    assert "test  513 images" in two.out
    assert os.environ.get("RANK") is None
    assert not torch.distributed.is_initialized()  # what runs here next is not bound to this run


STATEFUL = (
    *DDP,
    "callbacks.ema_decay=0.5",
    "optimizer=yolo",
    "optimizer.nominal_batch=28",
    "optimizer.warmup_epochs=0",
)
"""BatchNorm statistics of each process's own, an average of the weights, and steps after four batches, 3 and 7."""


@pytest.mark.promise("processes stop together")
@pytest.mark.slow
def test_stopped_in_the_middle_of_an_epoch_and_taken_up(several, tmp_path):
    assert train(*STATEFUL, "hydra.run.dir=whole").code == 0
    seen = several.seen()
    assert list(seen.stages[0]) == [0, 1, 2]
    assert seen.stages[0] == seen.stages[1]
    several.watch("stopped_log", act="0:4:SIGTERM")  # in the second step of the second stage
    stopped = train(*STATEFUL, "hydra.run.dir=run")
    assert stopped.code == 143
    assert "SIGTERM: interrupted; the same command goes on" in stopped.one_line()
    assert record(tmp_path / "run")["status"] == "interrupted"
    checkpoint = state(tmp_path / "run", "last.ckpt")
    assert checkpoint["global_step"] == 5
    assert checkpoint["accumulated_gradients"]["batches"] == 1
    losses = [process["losses"] for process in checkpoint["partial_epoch"]]
    assert [len(of_process) for of_process in losses] == [2, 2]
    assert not torch.equal(*losses)
    assert not alive(several.seen().pids)

    several.watch("resumed_log")
    resumed = train(*STATEFUL, "hydra.run.dir=run")
    assert resumed.code == 0, resumed.err
    assert "goes on from run/last.ckpt (step 5)" in resumed.out
    assert {rank: list(steps) for rank, steps in several.seen().steps.items()} == {0: [5, 6, 7, 8], 1: [5, 6, 7, 8]}
    for name in (FINAL, "best.ckpt"):
        of_run, of_whole = state(tmp_path / "run", name), state(tmp_path / "whole", name)
        for key in ("state_dict", "current_model_state", "optimizer_states", "lr_schedulers", "accumulated_gradients"):
            assert_same_bits(of_run.get(key), of_whole.get(key), f"{name}/{key}")
    of_run, of_whole = record(tmp_path / "run"), record(tmp_path / "whole")
    assert of_run.pop("volatile")["resumes"] == 1
    del of_whole["volatile"]
    assert of_run == of_whole
    assert (tmp_path / "run" / "predictions_test.npz").read_bytes() == (
        tmp_path / "whole" / "predictions_test.npz"
    ).read_bytes()


@pytest.mark.promise("a process that fails")
@pytest.mark.parametrize(
    ("act", "reason"),
    [
        ("1:4:SIGKILL", "ProcessLost: process 1 was ended by SIGKILL"),
        pytest.param(
            "1:4:raise", "ProcessLost: process 1 failed: ZeroDivisionError: drawn for a test", marks=pytest.mark.slow
        ),
        pytest.param("0:4:raise", "ZeroDivisionError: drawn for a test", marks=pytest.mark.slow),
    ],
)
def test_a_process_that_fails_ends_the_run(several, tmp_path, capfd, act, reason):
    several.watch("failing_log", act)
    failed = train(*DDP, "hydra.run.dir=run")
    assert failed.code == 1
    assert failed.one_line().startswith(f"the run failed: {reason}")
    of_run = record(tmp_path / "run")
    assert of_run["status"] == "failed"
    assert f"{of_run['error']['type']}: {of_run['error']['message']}" == reason
    assert len(several.seen().pids) == 2
    assert not alive(several.seen().pids)
    assert printed_by_others(capfd) == []
    several.watch("again_log")
    if act == "1:4:raise":
        assert train(*DDP, "hydra.run.dir=run").code == 0


@pytest.mark.slow
def test_when_the_first_process_is_killed_the_other_ends_too_and_the_command_goes_on(several, tmp_path):
    several.watch("killed_log", act="0:7:SIGKILL")
    command = [*python("-m", "tlbench.train"), *DDP, "hydra.run.dir=run"]
    killed = subprocess.run(command, capture_output=True, text=True, timeout=200)  # until nobody holds its pipes
    assert killed.returncode == -signal.SIGKILL
    assert len(several.seen().pids) == 2
    assert not alive(several.seen().pids)
    several.watch("again_log")
    resumed = train(*DDP, "hydra.run.dir=run")
    assert resumed.code == 0, resumed.err
    assert "goes on from run/last.ckpt (step 6)" in resumed.out


@pytest.mark.slow
def test_an_error_of_the_users_that_all_processes_find_is_one_line(several, tmp_path, capfd):
    failed = train(*DDP, "data.batch_size=16", "regulariser=bss", "regulariser.bss_k=6", "hydra.run.dir=run")
    assert failed.code == 2
    assert "regulariser.bss_k" in failed.one_line()
    assert record(tmp_path / "run")["error"]["type"] == "ConfigError"
    assert len(several.seen().pids) == 2
    assert not alive(several.seen().pids)
    assert printed_by_others(capfd) == []


@pytest.mark.slow
def test_a_disk_that_refuses_the_first_process_is_one_line(several, tmp_path, capfd, monkeypatch):
    def full(path, *_):
        raise OutputError(f"cannot write to {path.parent}: the disk is full")

    monkeypatch.setattr("tlbench.runs.checkpoints.write_atomic", full)  # in this process: only it writes
    failed = train(*DDP, "hydra.run.dir=run")
    assert failed.code == 2
    assert failed.one_line() == f"OutputError: cannot write to {tmp_path / 'run'}: the disk is full"
    assert len(several.seen().pids) == 2
    assert not alive(several.seen().pids)
    assert printed_by_others(capfd) == []


@pytest.mark.slow
def test_cached_features_in_two_processes(several, tmp_path):
    cached = (*DDP, "strategy=feature_extractor", "~strategy.stages", "augmentation=none", "~augmentation.brightness")
    cached = tuple(o for o in cached if "stages" not in o and "brightness" not in o)
    for name, more in {"one": "trainer.devices=1", "two": "trainer.devices=2"}.items():
        several.watch(f"{name}_log")
        ended = train(*(o for o in cached if o != "strategy=gradual_unfreezing"), more, f"hydra.run.dir={name}")
        assert ended.code == 0, ended.err
        assert "features computed once: 30 of train" in ended.out
    for name, tensor in state(tmp_path / "one")["state_dict"].items():
        torch.testing.assert_close(state(tmp_path / "two")["state_dict"][name], tensor, rtol=0, atol=1e-5)
    of_one, of_two = predictions(tmp_path / "one"), predictions(tmp_path / "two")
    assert of_two["index"].tolist() == list(range(90))
    np.testing.assert_allclose(of_two["probabilities"], of_one["probabilities"], rtol=0, atol=1e-5)


COMMANDS = {
    "module": python("-m", "tlbench.train"),
    "console script": [str(Path(sys.executable).with_name("tlbench-train"))],
    "torchrun": python("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "tlbench.train"),
    "study": python("-m", "tlbench.train", "-m", "seed=0,1", "hydra.sweep.dir=study", "hydra.launcher.n_jobs=1"),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_the_command(several, tmp_path, command):
    """As from a shell: it says everything once, and leaves no process behind."""
    arguments = [o for o in DDP if not (command == "study" and o.startswith("hydra.run"))]
    extra = [] if command == "study" else ["hydra.run.dir=a run, 'quoted'"]
    extra = ["hydra.run.dir='a run, \\'quoted\\''"] if extra else []
    done = subprocess.run([*COMMANDS[command], *arguments, *extra], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    own = [line for line in done.stderr.splitlines() if line.strip() and "torch/distributed/run.py" not in line]
    assert own == []
    runs = 2 if command == "study" else 1
    for line in ("stage 1/3", "stage 2/3", "epoch 3/3", "test  90 images", "record: "):
        assert done.stdout.count(line) == runs, done.stdout
    folders = sorted((tmp_path / "study").glob("*/*")) if runs == 2 else [tmp_path / "a run, 'quoted'"]
    assert [record(folder)["status"] for folder in folders] == ["complete"] * runs
