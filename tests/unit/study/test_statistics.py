from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tlbench.study.statistics import Spread, paired_difference, summarise


@pytest.mark.promise("paired differences")
@pytest.mark.parametrize("n", [2, 3, 30])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_equals_scipys_paired_t_test(n: int, confidence: float) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.normal(0.9, 0.02, n), rng.normal(0.89, 0.02, n)
    paired = paired_difference(dict(enumerate(a)), dict(enumerate(b)), confidence)
    reference = stats.ttest_rel(a, b)
    interval = reference.confidence_interval(confidence)
    assert (paired.low, paired.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert paired.p == pytest.approx(reference.pvalue, abs=1e-12)
    assert (paired.mean, paired.std, paired.n) == pytest.approx((np.mean(a - b), np.std(a - b, ddof=1), n), abs=1e-12)


def test_seeds_without_a_partner_are_reported() -> None:
    paired = paired_difference({0: 1.0, 1: 2.0, 5: 9.0}, {4: 7.0, 1: 0.5, 0: 0.0, 3: 7.0})
    assert (paired.n, paired.mean, paired.only_a, paired.only_b) == (2, 1.25, (5,), (3, 4))


def test_too_few_pairs_give_no_interval() -> None:
    one, none = paired_difference({0: 0.5}, {0: 0.25}), paired_difference({0: 0.5}, {1: 0.25})
    assert (one.mean, one.std, one.low, one.high, one.p, one.verdict) == (0.25, None, None, None, None, None)
    assert (none.n, none.mean, none.low) == (0, None, None)
    assert summarise([]) == Spread(None, None, 0)
    assert summarise([0.5]) == Spread(0.5, None, 1)


@pytest.mark.parametrize(
    ("shift", "p", "verdict"),
    [(0.25, 0, "lies above zero"), (0.0, 1, "contains zero"), (-0.25, 0, "lies below zero")],
)
def test_equal_differences_give_an_interval_of_no_width(shift: float, p: float, verdict: str) -> None:
    paired = paired_difference({0: 0.5 + shift, 1: 0.75 + shift}, {0: 0.5, 1: 0.75})
    assert (paired.mean, paired.std, paired.low, paired.high, paired.p) == (shift, 0, shift, shift, p)
    assert paired.verdict == verdict


def test_confidence_is_a_fraction() -> None:
    with pytest.raises(ValueError, match="confidence=95"):
        paired_difference({}, {}, 95)
