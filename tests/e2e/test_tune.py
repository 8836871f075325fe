"""Tuned studies and runs without a test, in whole commands; the processes of a study's runs are made in this one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import TINY_RANDOM, snapshot, train
from tests.slow import thinned
from tlbench.data.target_module import TargetModule
from tlbench.records.record import read_record
from tlbench.records.sidecars import PREDICTIONS_FILE
from tlbench.study import launch, tune

pytestmark = pytest.mark.usefixtures("tiny_network")

STUDY = Path("study")
TUNED = (
    "-m",
    *TINY_RANDOM,
    "trainer.max_epochs=1",
    "factors=[strategy]",
    "strategy=full,feature_extractor",
    "seed=0,1",
    "tune=optimizer.lr",
    "tuning.trials=2",
    "hydra.sweep.dir=study",
)
ARMS = ("full", "feature_extractor")


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    def chains(all_chains, n_jobs, _watch):
        for chain in all_chains:
            code = None
            try:
                while True:
                    job = next(chain) if code is None else chain.send(code)
                    if job.prepare is not None:
                        job.prepare()
                    code = train(*job.arguments).code
            except StopIteration:
                pass

    monkeypatch.setattr(tune, "run_chains", chains)
    monkeypatch.setattr(launch, "run_jobs", lambda jobs, _: [train(*job.arguments).code for job in jobs])


@pytest.mark.promise("fair tuning")
def test_each_arm_is_tuned_on_validation_then_run_and_the_same_command_trains_nothing(monkeypatch):
    read, plain = [], TargetModule._read
    monkeypatch.setattr(TargetModule, "_read", lambda self, split: (read.append(split), plain(self, split))[1])
    outcome = train(*TUNED)
    assert (outcome.code, outcome.err) == (0, "")
    for arm in ARMS:
        trials = [read_record(STUDY / arm / "tuning" / f"trial_{n}") for n in (1, 2)]
        assert [(trial.status, trial.metrics, sorted(trial.data.fingerprints)) for trial in trials] == [
            ("complete", {}, ["train", "val"])
        ] * 2
        runs = [read_record(STUDY / arm / f"seed_{seed}") for seed in (0, 1)]
        values = [trial.best.value for trial in trials]
        best = trials[values.index(max(values))].config["optimizer"]["lr"]
        for run in runs:
            assert run.config["optimizer"]["lr"] == run.tuning.chosen["optimizer.lr"] == best
            assert [trial.value for trial in run.tuning.trials] == values
            assert "test/oa" in run.metrics
    assert "test" in read  # by the runs
    assert "optimizer.lr in [1e-05, 0.1]: chosen on validation (val/oa), 2 trials an arm, 1 epoch each." in outcome.out
    before = snapshot(STUDY)
    again = train(*TUNED)
    assert again.code == 0
    after = snapshot(STUDY)
    assert {name for name in after if before.get(name) != after[name]} <= {"multirun.yaml"}
    assert after.keys() == before.keys()
    assert "chosen earlier" in again.out


def test_the_plan_counts_the_trials_and_writes_nothing(tmp_path):
    outcome = train(*TUNED, "plan=true")
    assert (outcome.code, outcome.err) == (0, "")
    assert "optimizer.lr: chosen before the runs, for each arm by 2 trials on validation" in outcome.out
    assert "the sweep: 4 runs and 4 trials, about" in outcome.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("overrides", "said"),
    thinned(
        [
            (("tune=optimizer.lr",), "tune=[optimizer.lr]: values are chosen for the arms of a study"),
            (("tune=optimizer.lr", "plan=true"), "add -m"),
            (("tune=optimizer.momentum",), "tune.0='optimizer.momentum': input should be 'optimizer.lr' or"),
            (("tune=[]",), "tune=[]"),
            (("tune=[optimizer.lr,optimizer.lr]",), "a key occurs twice"),
            (("tune=optimizer.lr", "factors=[source,optimizer.lr]"), "'optimizer.lr' is a factor too"),
            (
                ("-m", "tune=optimizer.lr", "optimizer.lr=0.1,0.2"),
                "'optimizer.lr' is a factor too (declared",
            ),
            (("tuning.ranges.optimizer.lr=[0.1,0.01]",), "tuning.ranges.optimizer.lr=[0.1, 0.01]: no range"),
            (("tuning.ranges.optimizer.lr=[0,1]",), "tuning.ranges.optimizer.lr.0=0"),
            (("tuning.ranges.optimizer.momentum=[0.1,1]",), "unknown key 'tuning.ranges.optimizer.momentum'"),
            (("tuning.trials=0",), "tuning.trials=0"),
        ],
        3,
    ),
)
def test_wrong_tuning_is_one_line_and_nothing_is_written(tmp_path, overrides, said):
    outcome = train(*TINY_RANDOM, *overrides, "hydra.run.dir=run", "hydra.sweep.dir=study")
    assert outcome.code == 2
    assert said in outcome.one_line()
    assert [path.name for path in tmp_path.rglob("*") if path.name != "multirun.yaml"] in ([], ["study"])


@pytest.mark.promise("test=false")
def test_a_run_without_a_test_never_reads_it_and_is_complete(tmp_path, monkeypatch):
    read, plain = set(), TargetModule._read
    monkeypatch.setattr(TargetModule, "_read", lambda self, split: (read.add(split), plain(self, split))[1])
    command = (*TINY_RANDOM, "logger.tensorboard=true", "test=false", "hydra.run.dir=run")
    outcome = train(*command)
    assert (outcome.code, outcome.err) == (0, "")
    run = read_record(tmp_path / "run")
    assert (run.status, run.metrics) == ("complete", {})
    assert run.sidecars == {"curves": "curves.png", "training_batch": "training_batch.png"}
    assert all((tmp_path / "run" / name).read_bytes().startswith(b"\x89PNG") for name in run.sidecars.values())
    assert sorted(run.data.fingerprints) == ["train", "val"]
    assert read == {"train", "val"}
    assert not (tmp_path / "run" / PREDICTIONS_FILE).exists()
    assert "not read (test=false)" in outcome.out
    assert "best epoch" in outcome.out
    again = train(*command)
    assert (again.code, "nothing to train" in again.out) == (0, True)
    refused = train(*command, "test=true")
    assert (refused.code, "test: False → True" in refused.one_line()) == (2, True)


def test_a_study_without_a_test_shows_validation(tmp_path):
    outcome = train("-m", *TINY_RANDOM, "test=false", "seed=0,1", "hydra.sweep.dir=study")
    assert (outcome.code, outcome.err) == (0, "")
    assert "val/oa %" in outcome.out
    assert "test/" not in outcome.out
    assert json.loads((tmp_path / "study/summary.json").read_text())["metrics"] == ["val/oa"]
