from __future__ import annotations

import json
import math

import pytest

from tlbench.errors import ConfigError
from tlbench.records.evaluation import (
    CalibrationRecord,
    EvaluatedData,
    EvaluatedRun,
    EvaluationRecord,
    EvaluationVolatile,
    compare,
    find_calibration,
    write_evaluation,
)


def evaluation(oa=0.5, finished="2026-01-01", temperature=None, sha="0"):
    after = {"ece_before": 0.5, "ece_after": 0.2, "nll_before": 2.0, "nll_after": 1.0}
    return EvaluationRecord(
        run=EvaluatedRun(study="s", arm="a", seed=0, config_hash="", checkpoint_sha256=sha, stand_ins=[]),
        data=EvaluatedData(name="digits", root=None, split="test", count=1, fingerprints=[""], own=True),
        metrics={"test/oa": oa},
        calibration=CalibrationRecord(temperature=temperature, fitted_on=1, **after) if temperature else None,
        versions={},
        volatile=EvaluationVolatile(finished=finished, device="cpu", host="", seconds=0.0),
    )


def test_an_earlier_evaluation_that_says_something_else_keeps_its_name(tmp_path):
    assert write_evaluation(tmp_path, "evaluation", evaluation(0.5)).name == "evaluation.json"
    assert write_evaluation(tmp_path, "evaluation", evaluation(0.6)).name == "evaluation_2.json"
    assert write_evaluation(tmp_path, "evaluation", evaluation(math.nan)).name == "evaluation_3.json"
    assert [
        json.loads((tmp_path / f"evaluation{n}.json").read_text())["metrics"]["test/oa"] for n in ("", "_2", "_3")
    ] == [
        0.5,
        0.6,
        None,
    ]


def test_the_same_at_another_time_takes_the_same_name(tmp_path):
    for finished in ("2026-01-01", "2026-01-02"):
        assert write_evaluation(tmp_path, "evaluation", evaluation(finished=finished)).name == "evaluation.json"
    assert "2026-01-02" in (tmp_path / "evaluation.json").read_text()


def test_a_file_that_is_none_is_left_alone(tmp_path):
    (tmp_path / "evaluation.json").write_text("precious")
    assert write_evaluation(tmp_path, "evaluation", evaluation()).name == "evaluation_2.json"
    assert (tmp_path / "evaluation.json").read_text() == "precious"


def test_comparison_to_a_millionth():
    recorded = {"test/oa": 0.5, "test/kappa": None, "test/f1": 0.25, "test/ece": None, "test/aa": 0.75}
    recomputed = {"test/oa": 0.5 + 2e-6, "test/kappa": None, "test/f1": 0.25 + 9e-7, "test/ece": None}
    comparison = compare(recorded, {**recomputed, "test/aa": math.nan})
    assert comparison.differing == ["test/oa", "test/aa"]
    assert comparison.largest_difference == math.inf
    equal = compare({"test/oa": 0.5, "test/kappa": None}, {"test/oa": 0.5, "test/kappa": math.nan})
    assert (equal.differing, equal.largest_difference) == ([], 0.0)


def test_the_latest_temperature_of_these_weights(tmp_path):
    with pytest.raises(ConfigError, match="calibrate=temperature"):
        find_calibration(tmp_path, "0")
    (tmp_path / "evaluation_x.json").write_text("{}")
    write_evaluation(tmp_path, "evaluation_temperature", evaluation(temperature=2.0, finished="2026-02-01"))
    write_evaluation(tmp_path, "evaluation_temperature", evaluation(temperature=3.0, finished="2026-01-01"))
    write_evaluation(tmp_path, "evaluation_temperature", evaluation(temperature=4.0, finished="2026-03-01", sha="1"))
    assert find_calibration(tmp_path, "0").temperature == 2.0
    with pytest.raises(ConfigError):
        find_calibration(tmp_path, "2")
