"""Values worked out by hand and from a printed t table."""

from __future__ import annotations

import math

import pytest

from tlbench.statistics.spread import summarise
from tlbench.study.differences import paired_difference
from tlbench.study.verdicts import with_verdicts


@pytest.mark.promise("paired differences")
def test_paired_difference_of_three_seeds() -> None:
    a, b = {0: 0.96, 1: 0.97, 2: 0.98}, {2: 0.92, 0: 0.92, 1: 0.92}
    # Differences 0.04, 0.05, 0.06: mean 0.05, std 0.01; t(0.975; 2) = 4.302653 (Student's table).
    half_width = 4.302653 * 0.01 / math.sqrt(3)
    paired = paired_difference(a, b)
    assert (paired.mean, paired.std, paired.n) == (pytest.approx(0.05), pytest.approx(0.01), 3)
    assert (paired.low, paired.high) == (
        pytest.approx(0.05 - half_width, abs=1e-8),
        pytest.approx(0.05 + half_width, abs=1e-8),
    )
    # With 2 degrees of freedom P(|T| > t) = 1 − t / √(t² + 2), t = 0.05 √3 / 0.01.
    assert paired.p == pytest.approx(1 - math.sqrt(75 / 77))
    assert with_verdicts([paired])[0].verdict == "better"


def test_mean_and_sample_standard_deviation() -> None:
    spread = summarise([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    assert (spread.mean, spread.std, spread.n) == (5.0, pytest.approx(math.sqrt(32 / 7)), 8)
