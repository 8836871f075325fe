from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from tlbench.records.record import Record
from tlbench.study.error_ratio import ErrorRatio
from tlbench.study.summary import summarise_study

Make = Callable[..., Record]


def ratio_of(record: Make, a: Sequence[float], b: Sequence[float], metric: str = "test/oa") -> ErrorRatio | None:
    runs = [record(arm, seed, oa) for arm, all_oa in (("tin200", a), ("random", b)) for seed, oa in enumerate(all_oa)]
    return next(d.errors for d in summarise_study(runs, ["source"]).differences if d.metric == metric)


@pytest.mark.promise("error-rate ratio")
def test_errors_of_one_arm_for_each_of_the_other(record: Make) -> None:
    found = ratio_of(record, (0.974, 0.976, 0.972), (0.930, 0.935, 0.940))
    assert found.ratio == pytest.approx(0.026 / 0.065)
    # By the delta method: log(e_a / e_b) moves as e_a / 0.026 − e_b / 0.065.
    moved = np.array([0.026, 0.024, 0.028]) / 0.026 - np.array([0.070, 0.065, 0.060]) / 0.065
    half = stats.t.ppf(0.975, 2) * np.std(moved, ddof=1) / math.sqrt(3)
    assert (found.low, found.high) == pytest.approx((0.4 * math.exp(-half), 0.4 * math.exp(half)), abs=1e-12)


def test_where_there_is_none_or_no_interval(record: Make) -> None:
    assert ratio_of(record, (1.0, 1.0), (0.9, 0.8)) == ErrorRatio(0.0, None, None)
    assert ratio_of(record, (0.9, 0.8), (1.0, 1.0)) is None
    assert ratio_of(record, (0.9,), (0.8,)) == ErrorRatio(pytest.approx(0.5), None, None)
    assert ratio_of(record, (0.9, 0.8), (0.8, 0.6), "test/kappa") is None  # no rate
    assert ratio_of(record, (0.9, 0.8), (0.8, 0.6), "test/ece") is None  # lower is better


def test_the_interval_holds_the_true_ratio_as_often_as_it_says(record: Make) -> None:
    """Rates of 3 and 6 % with a spread of a tenth of each over five seeds."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(200):
        a, b = (1 - rate * rng.normal(1, 0.1, 5) for rate in (0.03, 0.06))
        found = ratio_of(record, a, b)
        held += found.low <= 0.5 <= found.high
    assert held >= 180
