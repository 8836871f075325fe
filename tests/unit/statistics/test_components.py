"""Components of variance, against closed forms and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tlbench.statistics.components import Component, beyond_sum, of_images, of_runs
from tlbench.statistics.paired import mean_squares


def test_the_variance_of_runs_has_the_chi_square_interval():
    values = np.array([1.0, 2.0, 4.0, 7.0])
    found, s2 = of_runs(values, 0.9), np.var(values, ddof=1)
    assert found.estimate == pytest.approx(s2)
    assert found.low == pytest.approx(3 * s2 / stats.chi2.ppf(0.95, 3))
    assert found.high == pytest.approx(3 * s2 / stats.chi2.ppf(0.05, 3))
    assert found.std_ends == pytest.approx((np.sqrt(found.low), np.sqrt(found.high)))


def test_equal_runs_do_not_tell_how_far_others_would_be():
    assert of_runs(np.full(5, 0.3), 0.95) == Component(0.0, None, None)


@pytest.mark.promise("variance by source")
def test_a_negative_component_is_shown_as_zero_and_kept_as_it_is():
    part, total = np.array([0.0, 4.0, 8.0]), np.array([0.0, 1.0, 2.0])
    found = beyond_sum(total, [part, part], 0.95)
    assert found.estimate == 1 - 2 * 16
    assert (found.variance, found.std, found.low) == (0.0, 0.0, 0.0)


def test_what_lies_beyond_the_sum_of_one_part_without_spread_is_the_total():
    """Its interval, by draws, is then the chi-square one."""
    total, still = np.array([0.0, 1.0, 2.0, 5.0, 9.0]), np.zeros(5)
    found, exact = beyond_sum(total, [still], 0.95), of_runs(total, 0.95)
    assert found.estimate == pytest.approx(exact.estimate)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), rel=0.06)
    assert beyond_sum(total, [still], 0.95) == found


def test_the_part_of_the_images_is_that_of_crossed_random_effects():
    d = np.random.default_rng(1).random((4, 30)) < np.linspace(0.2, 1, 30)
    _, images, rest = mean_squares(d.astype(float))
    assert of_images(d.astype(float), 0.95).estimate == pytest.approx((images - rest) / d.size)


@pytest.mark.promise("variance by source")
@pytest.mark.parametrize("kind", ["runs", "images", "together"])
def test_intervals_hold_the_true_variance_about_as_often_as_they_say(kind):
    """200 simulated studies; of the images' part with answers that are right or wrong."""
    rng, held = np.random.default_rng(3), 0
    for _ in range(200):
        if kind == "runs":
            true, found = 4.0, of_runs(rng.normal(0, 2, 10), 0.95)
        elif kind == "together":
            parts = [rng.normal(0, s, 10) for s in (0.5, 1.0)]
            true, found = 4 - 0.25 - 1, beyond_sum(rng.normal(0, 2, 10), parts, 0.95)
        else:
            right = rng.beta(2, 1, 200)  # each image's probability
            true = (1 / 18) / 200
            found = of_images((rng.random((10, 200)) < right).astype(float), 0.95)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= true <= found.high
    assert 0.91 <= held / 200 <= 0.99
