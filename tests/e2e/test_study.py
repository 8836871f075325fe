"""Real studies: each run a process of its own."""

from __future__ import annotations

import json
import shutil
import statistics

import pytest

from tests.commands import FEW, snapshot, train
from tlbench.records.record import read_record
from tlbench.study import jobs, launch

FEW_STEPS = ("+experiment=quickstart", *FEW, "trainer.max_epochs=1", "logger.tensorboard=false")
STUDY = ("-m", *FEW_STEPS, "seed=0,1", "hydra.sweep.dir=study")
ARMS, SEEDS = ("tin200", "random"), (0, 1)
TABLE = "quickstart: mean"


def test_an_arm_that_does_not_fit_is_found_before_any_is_trained(tmp_path):
    outcome = train("-m", *FEW_STEPS, "strategy=full,gradual_unfreezing", "hydra.sweep.dir=study")
    assert outcome.code == 2
    assert "strategy.every_n_epochs=1: stage 2 (layer4) would begin after 1 epochs" in outcome.one_line()
    assert [path.name for path in (tmp_path / "study").iterdir()] == ["multirun.yaml"]


@pytest.mark.slow
@pytest.mark.promise("a subprocess a run", "arms and seeds of experiments")
def test_two_arms_of_two_seeds_two_at_a_time(tmp_path):
    """One test, so that the four processes are started once however the tests are divided among workers."""
    study = tmp_path / "study"
    outcome = train(*STUDY)
    assert (outcome.code, outcome.err) == (0, "")
    found = sorted(str(path.parent.relative_to(study)) for path in tmp_path.rglob("record.json"))
    assert found == sorted(f"{arm}/seed_{seed}" for arm in ARMS for seed in SEEDS)
    records = {arm: [read_record(study / arm / f"seed_{seed}") for seed in SEEDS] for arm in ARMS}
    runs_are_complete_and_paired(records)
    consoles_hold_what_the_runs_said(study, records)
    summary_is_what_the_records_say(json.loads((study / "summary.json").read_text()), records)
    table_shows_it(outcome.out, records)
    the_same_command_again_trains_nothing(study, outcome.out)
    shutil.rmtree(study)  # some hundred megabytes of checkpoints


def runs_are_complete_and_paired(records):
    for arm, of_arm in records.items():
        assert [(r.status, r.arm, r.seed, r.study) for r in of_arm] == [
            ("complete", arm, n, "quickstart") for n in SEEDS
        ]
    a, b = (records[arm] for arm in ARMS)
    assert a[0].data == b[0].data == a[1].data
    assert a[0].config["seeds"] == b[0].config["seeds"] != a[1].config["seeds"]


def consoles_hold_what_the_runs_said(study, records):
    for arm, of_arm in records.items():
        for record in of_arm:
            text = (study / arm / f"seed_{record.seed}" / "console.log").read_text()
            assert "epoch 1/1" in text
            assert f"{record.metrics['test/oa']:.4f}" in text
            warned = [line for line in text.splitlines() if "warning" in line.lower()]
            assert warned == [f"warning: {warning}" for warning in record.warnings]  # none of whatever library
            assert len(warned) == 1


def summary_is_what_the_records_say(summary, records):
    oa = {arm: [record.metrics["test/oa"] for record in of_arm] for arm, of_arm in records.items()}
    assert [arm["name"] for arm in summary["arms"]] == list(ARMS)
    for arm in summary["arms"]:
        spread = arm["metrics"]["test/oa"]
        assert spread["mean"] == pytest.approx(statistics.mean(oa[arm["name"]]))
        assert spread["std"] == pytest.approx(statistics.stdev(oa[arm["name"]]))
    (said,) = summary["warnings"].values()
    assert said == {arm: list(SEEDS) for arm in ARMS}
    (difference,) = (d for d in summary["differences"] if d["metric"] == "test/oa")
    assert (difference["arm"], difference["baseline"]) == ARMS
    assert difference["paired"]["mean"] == pytest.approx(statistics.mean(oa["tin200"]) - statistics.mean(oa["random"]))
    assert difference["paired"]["n"] == 2


def table_shows_it(out, records):
    oa = [100 * record.metrics["test/oa"] for record in records["tin200"]]
    assert f"{statistics.mean(oa):.1f} ± {statistics.stdev(oa):.1f}" in out
    assert "tin200 − random" in out
    assert "95% interval" in out
    assert "summary: study/summary.json" in out
    (warning,) = {warning for of_arm in records.values() for record in of_arm for warning in record.warnings}
    assert out.count("warning") == 1  # of four runs
    assert f"warning: {warning}\n" in out[out.index(TABLE) :]


def the_same_command_again_trains_nothing(study, out):
    before = snapshot(study)
    again = train(*STUDY)
    assert again.code == 0
    after = snapshot(study)
    logs = {name for name in before if name.endswith("console.log")}
    assert {name for name in after if before.get(name) != after[name]} <= logs | {"multirun.yaml"}
    assert after.keys() == before.keys()
    assert "complete since" in (study / "random" / "seed_1" / "console.log").read_text()
    assert again.out[again.out.index(TABLE) :] == out[out.index(TABLE) :]


@pytest.mark.promise("a failed run of a sweep")
@pytest.mark.usefixtures("tiny_network")
def test_a_failing_run_leaves_its_traceback_and_the_others_go_on(tmp_path, monkeypatch):
    """One seed: what there is is shown, and no variance can be reported. The runs are made in this process."""
    monkeypatch.setattr(launch, "run_jobs", lambda jobs, _: [train(*job.arguments).code for job in jobs])
    outcome = train(
        "-m", *FEW_STEPS, "source=random", "seed=0", "optimizer.lr=1e30,1e-3", "data.shots=8", "hydra.sweep.dir=study"
    )
    assert outcome.code == 1
    assert "1 of 2 runs failed: study/random-lr-1e+30/seed_0 (exit code 1)" in outcome.one_line()
    failed, complete = (
        read_record(tmp_path / "study" / arm / "seed_0") for arm in ("random-lr-1e+30", "random-lr-0.001")
    )
    assert (failed.status, complete.status) == ("failed", "complete")
    assert failed.error.type == "NonFiniteLoss"
    assert "Traceback" in failed.error.traceback
    assert "no variance can be reported" in outcome.out
    assert "failed: random-lr-1e+30/seed_0: NonFiniteLoss" in outcome.out
    assert f"{100 * complete.metrics['test/oa']:.1f}" in outcome.out


def test_a_wrong_configuration_of_one_run_starts_none(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs.subprocess, "Popen", lambda *_, **__: pytest.fail("started"))
    outcome = train("-m", *FEW_STEPS, "optimizer.lr=1e-3,-1", "hydra.sweep.dir=study")
    assert outcome.code == 2
    assert "optimizer.lr=-1" in outcome.one_line()
    assert list(tmp_path.rglob("record.json")) == []
