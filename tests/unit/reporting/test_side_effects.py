"""Calibration, corruptions and cost: what is read from records, and how pairs of seeds are compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.study_records import make_record
from tests.unit.reporting.conftest import runs
from tlbench.metrics.per_image import Details
from tlbench.records.evaluation import EvaluationRecord, write_evaluation
from tlbench.records.evaluation_note import note_of
from tlbench.records.record import read_record, write_record
from tlbench.reporting.side_effects import side_effects
from tlbench.study.summary import summarise_study


def details(floor: float) -> Details:
    return Details(np.ones(2), lambda _: "", lambda _: "", floors={"ece": floor})


def rows_of(records, known=None):
    summary = summarise_study(records, ["source"])
    compared = [d for d in summary.differences if d.metric == summary.primary]
    found = side_effects(records, known or {}, [arm.name for arm in summary.arms], compared)
    return {row.name: (*row.arms, *row.differences) for row in found}


def test_a_floor_stands_below_its_metric_and_is_not_compared() -> None:
    known = {(arm, seed): details(0.01 * (seed + 1)) for arm in ("tin200", "random") for seed in range(3)}
    rows = rows_of(runs(), known)
    assert list(rows)[:2] == ["test/ece", "test/ece by chance alone"]
    assert rows["test/ece"] == ("0.100 ± 0.000", "0.100 ± 0.000", "0.000")
    assert rows["test/ece by chance alone"] == ("0.020 ± 0.010", "0.020 ± 0.010", "")


def test_costs_are_paired_by_seed_with_students_interval() -> None:
    records = [
        make_record(arm, seed, volatile__fit_s=100.0 * (arm == "random") + 10 * seed + seed * (arm == "tin200"))
        for arm in ("tin200", "random")
        for seed in range(3)
    ]
    rows = rows_of(records)
    # differences −100, −99, −98: their standard error is 1/√3, Student's 97.5 % quantile for 2 degrees is 4.303
    assert rows["training, s"] == ("11.0 ± 11.0", "110.0 ± 10.0", "−99.0 [−101.5, −96.5]")
    assert "best epoch" not in rows


def evaluated(folder: Path, finished: str = "2026-01-01", **changes) -> EvaluationRecord:
    """Of a run's own test, by its best weights."""
    content = {
        "run": {
            "study": "s",
            "arm": "a",
            "seed": 0,
            "config_hash": "",
            "checkpoint_sha256": "c",
            "stand_ins": [],
        },
        "data": {"name": "digits", "root": None, "split": "test", "count": 9, "fingerprints": ["b"], "own": True},
        "metrics": {"test/nll": 0.5, "test/oa": 0.1},
        "versions": {},
        "volatile": {"finished": finished, "device": "cpu", "host": "", "seconds": 1.0},
    }
    for key, value in changes.items():
        part, _, name = key.partition("__")
        content[part] = {**content[part], name: value}
    record = EvaluationRecord.model_validate(content)
    write_evaluation(folder, "evaluation_test", record)
    return record


def with_evaluations(evaluations) -> list:
    """Records on disk, each with these."""
    found = []
    for run in runs(files={"best.ckpt": "c"}):
        folder = Path("study", run.arm, f"seed_{run.seed}")
        folder.mkdir(parents=True)
        for number, changes in enumerate(evaluations):
            each = evaluated(folder, **changes)
            name = "evaluation_test.json" if number == 0 else f"evaluation_test_{number + 1}.json"
            run.evaluations[name] = note_of(each)
        write_record(folder, run)
        found.append(read_record(folder))
    return found


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({}, True),
        ({"data__own": False}, False),  # other images, whatever their name
        ({"data__split": "val"}, False),
        ({"run__checkpoint_sha256": "of other weights"}, False),
        ({"metrics__test/nll": None}, False),
    ],
)
def test_evaluations_of_the_runs_own_test_count(changed, shown: bool) -> None:
    rows = rows_of(with_evaluations([changed]))
    assert rows.get("test/nll") == (("0.500 ± 0.000", "0.500 ± 0.000", "0.000") if shown else None)
    assert "test/oa" not in rows  # the record has it already


def test_the_last_evaluation_counts_by_its_time() -> None:
    later = [{"finished": f"2026-01-{30 - k:02}", "metrics__test/nll": k / 10} for k in range(11)]
    assert rows_of(with_evaluations(later))["test/nll"][0] == "0.000 ± 0.000"


def test_an_evaluation_whose_file_is_gone_does_not_count() -> None:
    records = with_evaluations([{}])
    for path in Path("study").rglob("evaluation*.json"):
        path.unlink()
    assert "test/nll" not in rows_of(records)
