from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tlbench.statistics.trend import doubling_gain


def test_a_curve_that_is_linear_in_the_doublings_gains_its_slope() -> None:
    epochs = range(1, 13)
    gain = doubling_gain([(epochs, [0.5 + 0.03 * math.log2(e) for e in epochs])])
    assert gain is not None
    assert (gain.mean, gain.error, gain.df) == (pytest.approx(0.03), pytest.approx(0, abs=1e-12), 2)


def test_only_the_last_third_counts_though_at_least_three_values() -> None:
    flat_at_last = doubling_gain([(range(1, 13), [0.1 * e for e in range(1, 9)] + [0.9] * 4)])
    assert flat_at_last is not None
    assert flat_at_last.mean == pytest.approx(0)
    gain = doubling_gain([(range(1, 6), [0.0, 9.0, 0.2, 0.4, 0.6])])
    assert gain is not None
    assert gain.mean == pytest.approx(stats.linregress(np.log2([3, 4, 5]), [0.2, 0.4, 0.6]).slope)


def test_one_curve_is_a_linear_regression() -> None:
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.62, 0.6, 0.66, 0.65, 0.7]
    expected = stats.linregress(np.log2([7, 8, 9, 10]), values[-4:])
    gain = doubling_gain([(range(1, 11), values)])
    assert gain is not None
    assert (gain.mean, gain.error) == (pytest.approx(expected.slope), pytest.approx(expected.stderr))
    assert gain.tail(0) == pytest.approx(expected.pvalue / 2)


def test_curves_share_a_slope_and_have_levels_of_their_own() -> None:
    ends = np.array([[0.50, 0.53, 0.52, 0.56], [0.9, 0.9, 0.93, 0.94]])
    curves = [(range(1, 11), [0.0] * 6 + end.tolist()) for end in ends]
    x = np.log2(np.arange(7, 11))
    design = np.zeros((8, 3))
    design[:4, 0] = design[4:, 1] = 1
    design[:, 2] = np.tile(x, 2)
    coefficients, residual, *_ = np.linalg.lstsq(design, ends.ravel(), rcond=None)
    error = math.sqrt(residual[0] / 5 * np.linalg.inv(design.T @ design)[2, 2])
    gain = doubling_gain(curves)
    assert gain is not None
    assert (gain.mean, gain.error, gain.df) == (pytest.approx(coefficients[2]), pytest.approx(error), 5)


def test_two_values_show_no_trend() -> None:
    assert doubling_gain([([1, 2], [0.1, 0.9])]) is None
    assert doubling_gain([]) is None


def test_of_flat_curves_one_in_ten_seems_to_rise_at_a_tenth() -> None:
    rng = np.random.default_rng(0)
    studies = [[(range(1, 11), rng.normal(size=10) + level) for level in rng.normal(size=3)] for _ in range(2000)]
    found = [doubling_gain(curves) for curves in studies]
    share = np.mean([gain is not None and gain.tail(0) < 0.1 for gain in found])
    assert share == pytest.approx(0.1, abs=0.02)  # three standard errors
