from __future__ import annotations

import math

import pytest
from scipy import stats

from tlbench.statistics.reaching import first_reaching, spent

NAN = math.nan


@pytest.mark.parametrize(
    ("values", "score", "higher", "expected"),
    [
        ([0.2, 0.5, 0.4, 0.6], 0.5, True, 1),  # the first, though the next is worse
        ([0.2, 0.5], 0.51, True, None),
        ([2.0, 1.0, 1.5], 1.2, False, 1),
        ([2.0, 1.0], 0.9, False, None),
        ([NAN, 0.9], 0.5, True, 1),
        ([0.94999998], 0.95, True, 0),  # single precision
        ([0.9499], 0.95, True, None),
        ([], 0.5, True, None),
    ],
)
def test_the_first_value_that_is_as_good(values: list[float], score: float, higher: bool, expected: int | None) -> None:
    assert first_reaching(values, score, higher_is_better=higher) == expected


def test_means_and_the_interval_of_their_difference_are_those_of_a_paired_t_test() -> None:
    found = spent([4, 5, 3, 4], [9, 10, 7, 10], 1.0, 0.95)
    assert (found.arm, found.baseline, found.difference) == (4.0, 9.0, -5.0)
    expected = stats.ttest_1samp([-5, -5, -4, -6], 0).confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_equal_differences_are_as_sure_as_the_epochs_are_fine() -> None:
    half = stats.t.ppf(0.975, 2) / math.sqrt(6) / math.sqrt(3)
    for grain in (1.0, 9.0):
        found = spent([4 * grain, 3 * grain, 2 * grain], [6 * grain, 5 * grain, 4 * grain], grain, 0.95)
        assert found.difference == -2 * grain
        assert (found.low, found.high) == (pytest.approx((-2 - half) * grain), pytest.approx((-2 + half) * grain))


def test_one_seed_has_no_interval_and_none_no_mean() -> None:
    found = spent([4.0], [6.0], 1.0, 0.95)
    assert (found.difference, found.low, found.high) == (-2.0, None, None)
    for arm, baseline in (([], []), ([1.0], [1.0, 2.0])):
        with pytest.raises(ValueError, match=f"{len(arm)} and {len(baseline)} seeds"):
            spent(arm, baseline, 1.0, 0.95)
