"""`metrics.<name>`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tlbench
from tests.commands import TINY_RANDOM, call, train
from tests.doors.conftest import same_weights
from tests.slow import thinned
from tlbench.records.record import Record, read_record
from tlbench.study.summary import summarise_study

ACCURACY = "+metrics.acc={import_path: 'mine.metrics:Accuracy'}"
ERRORS = "+metrics.errors={import_path: 'mine.metrics:Accuracy', arguments: {of_errors: true}, better: min}"


@pytest.mark.promise("a metric")
def test_it_is_measured_wherever_the_tasks_own_are(plain, fit):
    own = fit("own", ACCURACY, ERRORS, "callbacks.monitor=val/acc")
    assert same_weights(own, plain)  # the same best epoch
    assert own.record.best.monitor == "val/acc"
    assert own.record.best.value == plain.record.best.value
    assert own.record.metrics["test/oa"] == plain.record.metrics["test/oa"]
    assert own.record.metrics["test/acc"] == pytest.approx(plain.record.metrics["test/oa"], abs=1e-7)  # in float32
    assert own.record.metrics["test/errors"] == pytest.approx(1 - plain.record.metrics["test/oa"])
    assert own.column("val/acc") == own.column("val/oa") == plain.column("val/oa")
    assert own.record.code.files.keys() == {"mine", "mine.metrics"}
    lowest = fit("lowest", ERRORS, "callbacks.monitor=val/errors")
    assert same_weights(lowest, plain)
    assert lowest.record.best.value == pytest.approx(1 - plain.record.best.value)
    for name in ("own", "lowest"):
        assert call("evaluate", f"run={name}").code == 0
        (evaluation,) = (own.folder.parent / name).glob("evaluation*.json")
        values = json.loads(evaluation.read_text())["metrics"]
        for metric, value in own.record.metrics.items():
            assert metric in values or name == "lowest"
            if metric in values:
                assert values[metric] == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(
    ("path", "says"),
    thinned(
        [
            ("mine.metrics:TwoNumbers", "metrics.m: it gives a tensor (2,), no scalar; let it give one number"),
            ("mine.metrics:Failing", "metrics.m: computing it fails: ValueError: no such thing"),
            (
                "mine.metrics:no_metric",
                "it gives an object of type Identity, no torchmetrics.Metric; let it return one",
            ),
            ("mine.metrics:None", "metrics.m.import_path"),
        ],
        2,
    ),
)
def test_what_is_no_metric_is_refused(path, says, refused):
    assert says in refused(f"+metrics.m={{import_path: '{path}'}}")


@pytest.mark.parametrize(
    ("given", "says"),
    thinned(
        [
            ("+metrics.oa={import_path: 'mine.metrics:Accuracy'}", "metrics.oa: the task has a metric of this name; "),
            ("+metrics.m={import_path: 'mine.metrics:Accuracy', better: most}", "metrics.m.better"),
            ("+metrics.m={}", "metrics.m.import_path"),
            ("+metrics={'a b': {import_path: 'mine.metrics:Accuracy'}}", "a b"),
            ("+metrics.loss={import_path: 'mine.metrics:Accuracy'}", "metrics.loss: "),
        ],
        2,
    ),
)
def test_what_names_none_is_refused(given, says, refused):
    assert says in refused(given)


def test_only_one_that_there_is_can_monitor(refused):
    line = refused("+metrics.acc={import_path: 'mine.metrics:Accuracy'}", "callbacks.monitor=val/accuracies")
    assert "callbacks.monitor" in line
    assert "val/acc" in line


def test_one_that_is_undefined_cannot_monitor(tiny_network):
    outcome = train(
        *TINY_RANDOM, "+metrics.m={import_path: 'mine.metrics:Undefined'}", "callbacks.monitor=val/m", "study=nan"
    )
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1] == (
        "ConfigError: callbacks.monitor=val/m: it is nan in validation of epoch 1 (counted from 1), by which no epoch "
        "can be chosen; let the metric give a number always, or monitor another"
    )


@pytest.mark.promise("a metric")
def test_a_study_compares_arms_by_it(tiny_network, monkeypatch):
    for loss in ("task", "module"):
        given = {} if loss == "task" else {"loss.import_path": "mine.losses:Focal"}
        for seed in (0, 1):
            tlbench.run_one(
                *TINY_RANDOM,
                ACCURACY,
                given,
                loss=loss,
                seed=seed,
                study="by_acc",
                factors=["loss"],
            )
    records = collected(Path("outputs/by_acc"))
    summary = summarise_study(records, ["loss"])
    assert [arm.name for arm in summary.arms] == ["task", "module"]
    assert summary.metrics[0] == "test/oa"
    assert "test/acc" in summary.metrics
    assert {d.metric for d in summary.differences} >= {"test/acc"}


def collected(folder: Path) -> list[Record]:
    found = [read_record(path.parent) for path in sorted(folder.rglob("record.json"), reverse=True)]
    return [record for record in found if record is not None]
