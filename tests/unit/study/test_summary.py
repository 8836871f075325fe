from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tlbench.data.was_read import SplitRead, WasRead
from tlbench.records.record import Record
from tlbench.statistics.spread import Spread
from tlbench.study.summary import Failure, summarise_study

Make = Callable[..., Record]

STAND_IN = {"kind": "source", "wanted": "imagenet", "used": "tin200", "reason": "no network"}


def test_arms_differences_failures_and_stand_ins(record: Make, failed: Make) -> None:
    records = [
        record("tin200", 0, 0.96, stand_ins=[STAND_IN]),
        record("tin200", 1, 0.98, stand_ins=[STAND_IN | {"reason": "timed out"}], volatile__resumes=1),
        failed("tin200", 2, "loss is nan\nsecond line"),
        record("random", 0, 0.91),
        record("random", 1, 0.91),
        record("imagenet", 0, status="interrupted", metrics={}),
    ]
    summary = summarise_study(records, ["source"], failed=[Failure("imagenet", 1, "failed", "killed by signal 9")])

    tin200, random, imagenet = summary.arms
    assert (tin200.name, tin200.source, tin200.seeds, tin200.n_complete, tin200.n_failed) == (
        "tin200",
        "tin200",
        (0, 1),
        2,
        1,
    )
    assert tin200.metrics["test/oa"] == Spread(pytest.approx(0.97), pytest.approx(0.02 / 2**0.5), 2)
    assert tin200.metrics["test/ece"] == Spread(0.125, 0.0, 2)
    assert (tin200.fit_s, random.fit_s, imagenet.fit_s) == (10.0, 10.0, None)  # a resumed run's fit_s is a part only
    assert (imagenet.n_complete, imagenet.n_failed) == (0, 2)

    first = summary.differences[0]
    assert (first.arm, first.baseline, first.metric) == ("tin200", "random", "test/oa")
    assert (first.paired.mean, first.paired.n) == (pytest.approx(0.06), 2)
    assert [(f.arm, f.seed, f.status, f.reason) for f in summary.failures] == [
        ("tin200", 2, "failed", "RuntimeError: loss is nan"),
        ("imagenet", 0, "interrupted", "interrupted; the same command continues it"),
        ("imagenet", 1, "failed", "killed by signal 9"),
    ]
    assert [(s.wanted, s.used) for s in summary.stand_ins] == [("imagenet", "tin200")]
    assert summary.notes[0] == "imagenet: no complete run."
    assert json.loads(json.dumps(summary.to_dict(), allow_nan=False))["arms"][0]["metrics"]["test/oa"]["n"] == 2


def test_the_primary_metric_comes_first(record: Make) -> None:
    summary = summarise_study([record("tin200"), record("random")], ["source"], primary="test/ece")
    assert [d.metric for d in summary.differences] == ["test/ece", "test/oa", "test/aa", "test/kappa", "test/f1"]


@pytest.mark.promise("one seed")
def test_what_limits_the_statistics_is_noted(record: Make) -> None:
    one_seed = summarise_study([record("tin200", 0), record("random", 0)], ["source"])
    assert one_seed.notes == ("One seed: no variance can be reported.",)

    undefined = record("tin200", 2, metrics={"test/oa": 0.9, "test/kappa": None}, status="complete")
    records = [record("tin200", 0), record("tin200", 1), undefined, record("random", 0)]
    summary = summarise_study(records, ["source"], metrics=["test/kappa"])
    assert summary.arms[0].metrics["test/kappa"].n == 2
    assert summary.notes == (
        "One seed in random: no variance can be reported there.",
        "test/kappa is undefined in 1 of 3 runs of tin200.",
        "tin200 − random leaves out seeds 1, 2 of tin200: no partner.",
    )
    assert summarise_study([record(), record(seed=1)], ["source"]).notes == ("One arm: no difference to report.",)


@pytest.mark.promise("failures count")
def test_runs_that_did_not_complete_are_no_accident_to_be_forgotten(record: Make, failed: Make) -> None:
    records = [record("tin200", 0, 0.9), record("tin200", 1, 0.8), failed("tin200", 2), record("random", 0, 0.7)]
    records += [record("random", seed, 0.7) for seed in (1, 2)]
    killed = [Failure("tin200", 3, "killed", "exit code 137")]
    said = "tin200: 2 of 4 runs did not complete; its figures and intervals are of the others"
    worst = "; with the others counted as 0 its test/oa would be 42.5 %."
    assert said + worst in summarise_study(records, ["source"], killed).notes
    assert said + "." in summarise_study(records, ["source"], killed, primary="test/ece").notes
    whole = summarise_study([run for run in records if run.arm == "random"], ["source"])
    assert not any("did not complete" in note for note in whole.notes)


@pytest.mark.promise("optimistic validation")
def test_validation_that_chose_the_best_epoch_is_said_to_be_optimistic(record: Make) -> None:
    best = {"monitor": "val/oa", "value": 0.9, "epoch": 2, "stage": "full"}
    records = [record(arm, seed, metrics={}, best=best) for arm in ("tin200", "random") for seed in (0, 1)]
    notes = summarise_study(records, ["source"], primary="val/oa", metrics=()).notes
    assert any(note.startswith("val/oa is the best of each run's epochs on the images that chose it") for note in notes)
    tested = summarise_study([record("tin200", 0), record("random", 0)], ["source"]).notes
    assert not any("optimistic" in note for note in tested)


@pytest.mark.promise("undefined metrics")
def test_metrics_that_are_undefined_never_become_numbers(record: Make) -> None:
    undefined = {f"test/{name}": None for name in ("oa", "aa", "kappa", "f1", "ece")}
    records = [
        *(record("tin200", seed, metrics=undefined) for seed in (0, 1)),
        record("random", 0),
        record("random", 1),
    ]
    summary = summarise_study(records, ["source"])
    tin200, random = summary.arms
    assert set(tin200.metrics.values()) == {Spread(None, None, 0)}
    assert random.metrics["test/oa"] == Spread(0.9, 0.0, 2)
    assert {(d.paired.mean, d.paired.n, d.paired.low, d.paired.p) for d in summary.differences} == {
        (None, 0, None, None)
    }
    assert "test/oa is undefined in 2 of 2 runs of tin200." in summary.notes

    one = summarise_study([record("tin200", 0, metrics=undefined), *records[1:], record("tin200", 2, 0.8)], ["source"])
    assert one.arms[0].metrics["test/oa"] == Spread(0.8, None, 1)
    assert one.differences[0].paired.n == 0


def test_what_was_read_is_said_of_one_run_where_others_read_otherwise(record) -> None:
    def of(seed: int, images: int, notes: tuple[str, ...] = ()) -> Record:
        splits = {"train": SplitRead(images=images, origin="the rest", classes={"a": images})}
        found = record("tin200", seed)
        read = WasRead(task="classification", data="digits", splits=splits, notes=list(notes))
        return found.model_copy(update={"data": found.data.model_copy(update={"read": read})})

    alike = summarise_study([of(0, 50), of(1, 50, ("decoded 50 files",))], ["source"])
    assert (alike.read.splits["train"].images, alike.read_by) == (50, None)
    apart = summarise_study([of(0, 50), of(1, 100)], ["source"])
    assert (apart.read.splits["train"].images, apart.read_by) == (50, "tin200/seed_0")
    assert summarise_study([record("tin200", 0)], ["source"]).read_by is None
