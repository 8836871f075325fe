"""`logger.own`."""

from __future__ import annotations

import pytest

from tests.doors.conftest import same_weights


@pytest.mark.promise("a logger")
def test_it_gets_curves_and_the_result_in_the_runs_folder(plain, fit):
    run = fit("run", "+logger.own.lines={import_path: 'mine.loggers:Lines'}")
    lines = run.lines("lines.jsonl")
    for name in ("val/oa", "val/loss", "train/loss"):
        assert [line[name] for line in lines if name in line] == pytest.approx([float(v) for v in run.column(name)])
    assert [line["test/oa"] for line in lines if "test/oa" in line][-1] == run.record.metrics["test/oa"]
    assert same_weights(run, plain)
    assert run.record.config_hash != plain.record.config_hash  # what it loads is code that ran
    assert run.record.code.files.keys() == {"mine", "mine.loggers"}


def test_where_it_writes_may_be_said(fit, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    fit("run", "+logger.own.lines={import_path: 'mine.loggers:Lines', arguments: {save_dir: elsewhere, file: a}}")
    assert (tmp_path / "elsewhere" / "a").exists()


def test_one_of_lightnings_own(fit):
    run = fit("run", "+logger.own.csv={import_path: 'lightning.pytorch.loggers:CSVLogger', arguments: {name: csv}}")
    (metrics,) = run.folder.rglob("metrics.csv")
    assert "val/oa" in metrics.read_text()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            "+logger.own.a={import_path: 'mine.callbacks:CountSteps'}",
            "logger.own.a.import_path='mine.callbacks:CountSteps': it gives an object of type CountSteps, no "
            "Lightning logger; let it return one",
        ),
        ("+logger.own.a={import_path: 'lightning.pytorch.loggers:Nothing'}", "has no 'Nothing'"),
        ("+logger.own.a={arguments: {}}", "logger.own.a.import_path"),
    ],
)
def test_what_is_no_logger_is_refused(given, says, refused):
    assert says in refused(given)
