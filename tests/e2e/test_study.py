"""Real studies: each run a process of its own."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Outcome, snapshot, train
from tests.conftest import isolate
from tlbench.results.record import Record, read_record
from tlbench.study import jobs, launch

FEW_STEPS = (
    "+experiment=quickstart",
    "trainer=cpu",
    "data.val_fraction=0.05",
    "data.test_fraction=0.05",
    "data.shots=2",
    "data.batch_size=8",
    "trainer.max_epochs=1",
    "optimizer.warmup_epochs=0",
    "logger.tensorboard=false",
)
STUDY = ("-m", *FEW_STEPS, "seed=0,1", "hydra.sweep.dir=study")
ARMS = ("tin200", "random")


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Iterator[tuple[Path, Outcome]]:
    """Two arms, two seeds, two at a time; do not write into its folder."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        outcome = train(*STUDY)
    yield folder, outcome
    shutil.rmtree(folder)  # some hundred megabytes of checkpoints


@pytest.fixture
def records(study) -> dict[str, list[Record]]:
    return {arm: [read_record(study[0] / "study" / arm / f"seed_{seed}") for seed in (0, 1)] for arm in ARMS}


def test_every_run_has_its_folder_and_record(study, records):
    folder, outcome = study
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    found = sorted(str(path.parent.relative_to(folder)) for path in folder.rglob("record.json"))
    assert found == sorted(f"study/{arm}/seed_{seed}" for arm in ARMS for seed in (0, 1))
    for arm, of_arm in records.items():
        assert [(r.status, r.arm, r.seed, r.study) for r in of_arm] == [
            ("complete", arm, n, "quickstart") for n in (0, 1)
        ]
        assert all((folder / "study" / arm / f"seed_{r.seed}" / "console.log").stat().st_size for r in of_arm)


def test_the_summary_is_what_the_records_say(study, records):
    summary = json.loads((study[0] / "study" / "summary.json").read_text())
    oa = {arm: [record.metrics["test/oa"] for record in of_arm] for arm, of_arm in records.items()}
    assert [arm["name"] for arm in summary["arms"]] == list(ARMS)
    for arm in summary["arms"]:
        spread = arm["metrics"]["test/oa"]
        assert spread["mean"] == pytest.approx(statistics.mean(oa[arm["name"]]))
        assert spread["std"] == pytest.approx(statistics.stdev(oa[arm["name"]]))
    (difference,) = (d for d in summary["differences"] if d["metric"] == "test/oa")
    assert (difference["arm"], difference["baseline"]) == ARMS
    assert difference["paired"]["mean"] == pytest.approx(statistics.mean(oa["tin200"]) - statistics.mean(oa["random"]))
    assert difference["paired"]["n"] == 2


def test_the_table_is_printed(study, records):
    out = study[1].out
    oa = [100 * record.metrics["test/oa"] for record in records["tin200"]]
    assert f"{statistics.mean(oa):.1f} ± {statistics.stdev(oa):.1f}" in out
    assert "tin200 − random" in out
    assert "95% interval" in out
    assert "summary: study/summary.json" in out


def test_runs_of_one_seed_are_paired_and_those_of_two_are_not(records):
    a, b = records["tin200"], records["random"]
    assert a[0].data == b[0].data == a[1].data
    assert a[0].config["seeds"] == b[0].config["seeds"] != a[1].config["seeds"]


def test_the_same_command_again_trains_nothing(study, monkeypatch):
    folder, first = study
    monkeypatch.chdir(folder)
    before = snapshot(folder / "study")
    again = train(*STUDY)
    assert again.code == 0
    after = snapshot(folder / "study")
    logs = {name for name in before if name.endswith("console.log")}
    assert {name for name in after if before.get(name) != after[name]} <= logs | {"multirun.yaml"}
    assert after.keys() == before.keys()
    assert "complete since" in (folder / "study" / "random" / "seed_1" / "console.log").read_text()
    assert table(again.out) == table(first.out)


def test_what_a_run_says_is_in_its_console_log(study, records):
    for arm, of_arm in records.items():
        for record in of_arm:
            text = (study[0] / "study" / arm / f"seed_{record.seed}" / "console.log").read_text()
            assert "epoch 1/1" in text
            assert f"{record.metrics['test/oa']:.4f}" in text
            assert "warning" not in text.lower()  # of whatever library


@pytest.mark.usefixtures("tiny_network")
def test_a_failing_run_leaves_its_traceback_and_the_others_go_on(tmp_path, monkeypatch):
    """One seed: what there is is shown, and no variance can be reported. The runs are made in this process."""
    monkeypatch.setattr(launch, "run_jobs", lambda jobs, _: [train(*job.arguments).code for job in jobs])
    outcome = train(
        "-m", *FEW_STEPS, "source=random", "seed=0", "optimizer.lr=1e30,1e-3", "data.shots=8", "hydra.sweep.dir=study"
    )
    assert outcome.code == 1
    assert "1 of 2 runs failed: study/random-1e+30/seed_0 (exit code 1)" in outcome.one_line()
    failed, complete = (read_record(tmp_path / "study" / arm / "seed_0") for arm in ("random-1e+30", "random-0.001"))
    assert (failed.status, complete.status) == ("failed", "complete")
    assert failed.error.type == "NonFiniteLoss"
    assert "Traceback" in failed.error.traceback
    assert "no variance can be reported" in outcome.out
    assert "failed: random-1e+30/seed_0: NonFiniteLoss" in outcome.out
    assert f"{100 * complete.metrics['test/oa']:.1f}" in outcome.out


def test_a_wrong_configuration_of_one_run_starts_none(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs.subprocess, "Popen", lambda *_, **__: pytest.fail("started"))
    outcome = train("-m", *FEW_STEPS, "optimizer.lr=1e-3,-1", "hydra.sweep.dir=study")
    assert outcome.code == 2
    assert "optimizer.lr=-1" in outcome.one_line()
    assert list(tmp_path.rglob("record.json")) == []


def table(out: str) -> str:
    return out[out.index("quickstart: mean") :]
