"""Commands that run at once and have runs in common, and what a launcher's end does to its runs; nothing is trained."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.untrained import prepare
from tlbench.records.record import read_record

RUN = ("trainer=cpu", "source=random")


def launcher(*arguments: str, output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        command = [sys.executable, "-m", "tlbench.train", "-m", *RUN, *arguments, "hydra.sweep.dir=study"]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


SEEDS = [
    pytest.param((0, 1, 2), id="three seeds"),
    pytest.param((0,), id="one seed"),
]


@pytest.mark.promise("two sweeps at once")
@pytest.mark.slow
@pytest.mark.parametrize("seeds", SEEDS)
def test_two_sweeps_at_once_train_each_trial_and_run_once_and_end_with_the_same_table(tmp_path, monkeypatch, seeds):
    trainings = prepare(monkeypatch, tmp_path, seconds=0.3)
    study = ("tune=optimizer.lr", "tuning.trials=2", f"seed={','.join(map(str, seeds))}")
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    processes = [launcher(*study, output=log) for log in logs]
    codes = [process.wait() for process in processes]
    outputs = [log.read_text() for log in logs]
    assert codes == [0, 0], outputs
    runs = [f"seed_{seed}" for seed in seeds]
    assert sorted(trainings.read_text().split()) == [*runs, "trial_1", "trial_2"]
    assert sum(output.count(": complete after ") for output in outputs) == len(runs) + 2
    assert sum(output.count(": was complete") for output in outputs) == len(runs)  # the other sweep saw it
    assert any(": waits for process " in output for output in outputs)
    tables = [output[output.index(": mean ±") :] for output in outputs]
    assert tables[0] == tables[1]
    assert "environment: []" in "".join(outputs)  # what a launcher tells its runs goes no further
    assert list((tmp_path / "study").rglob(".*")) == []


@pytest.mark.slow
@pytest.mark.promise("a killed launcher")
@pytest.mark.parametrize("n_jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_the_runs_of_a_killed_launcher_end_as_if_asked_to(tmp_path, monkeypatch, n_jobs):
    trainings = prepare(monkeypatch, tmp_path, seconds=60)
    process = launcher(f"hydra.launcher.n_jobs={n_jobs}", "seed=0,1", output=tmp_path / "log")
    wait_for(lambda: trainings.exists() and len(trainings.read_text().split()) == n_jobs)
    folders = [tmp_path / f"study/random/seed_{seed}" for seed in range(n_jobs)]
    assert all((folder / ".lock").exists() for folder in folders)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    wait_for(lambda: not any((folder / ".lock").exists() for folder in folders), seconds=5)
    assert [read_record(folder).status for folder in folders] == ["interrupted"] * n_jobs


@pytest.mark.slow
def test_a_launcher_that_is_stopped_waits_for_no_other(tmp_path, monkeypatch):
    prepare(monkeypatch, tmp_path, seconds=60)
    first = launcher(output=tmp_path / "first.log")
    wait_for((tmp_path / "study/random/seed_0/.lock").exists)
    second = launcher(output=tmp_path / "second.log")
    wait_for(lambda: "waits for process" in (tmp_path / "second.log").read_text())
    second.terminate()
    assert second.wait() == 143
    assert first.poll() is None
    first.terminate()
    assert first.wait() == 143
    assert [path.name for path in (tmp_path / "study/random/seed_0").iterdir()] == ["record.json"]
