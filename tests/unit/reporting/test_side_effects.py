"""Calibration, corruptions and cost: what is read from records, and how pairs of seeds are compared."""

from __future__ import annotations

import numpy as np
import pytest

from tests.study_records import make_record
from tests.unit.reporting.conftest import runs
from tlbench.metrics.per_image import Details
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


NOTE = {"data": "digits", "split": "test", "checkpoint_sha256": "c", "metrics": {"test/mean_corrupted_oa": 0.5}}


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({}, True),
        ({"data": "another"}, False),
        ({"split": "val", "metrics": {"val/mean_corrupted_oa": 0.5}}, False),
        ({"checkpoint_sha256": "of other weights"}, False),
        ({"metrics": {"test/oa": 0.1, "test/corrupted_oa/fog": 0.2}}, False),
    ],
)
def test_evaluations_of_the_runs_own_test_count(changed, shown: bool) -> None:
    note = {**NOTE, **changed}
    records = runs(files={"best.ckpt": "c"}, evaluations={"evaluation_test.json": note})
    rows = rows_of(records)
    assert ("test/mean_corrupted_oa" in rows) is shown
    assert "test/oa" not in rows  # the record has it already
    if shown:
        assert rows["test/mean_corrupted_oa"] == ("0.500 ± 0.000", "0.500 ± 0.000", "0.000")
