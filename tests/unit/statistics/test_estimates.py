from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tlbench.statistics.estimate import Estimate, satterthwaite, wider
from tlbench.statistics.paired import (
    by_group,
    mean_squares,
    over_folds,
    over_seeds,
    over_seeds_and_images,
    with_image_variance,
)


def crossed(n: int, images: int, *, seeds: float = 0.0, shared: float = 1.0, seed: int = 0) -> np.ndarray:
    """(n, images) differences with given standard deviations of seeds and images, the residual's 1."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, seeds, (n, 1)) + rng.normal(0, shared, (1, images)) + rng.normal(0.1, 1, (n, images))


@pytest.mark.promise("paired differences")
@pytest.mark.parametrize("n", [2, 3, 30])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_over_seeds_equals_scipys_t_test(n: int, confidence: float) -> None:
    d = np.random.default_rng(n).normal(0.01, 0.02, n)
    estimate, reference = over_seeds(d), stats.ttest_1samp(d, 0)
    assert estimate.interval(confidence) == pytest.approx(tuple(reference.confidence_interval(confidence)), abs=1e-12)
    assert (estimate.mean, estimate.df, estimate.p) == pytest.approx((d.mean(), n - 1, reference.pvalue), abs=1e-12)


def test_rounding_is_the_least_spread() -> None:
    equal = over_seeds(np.array([0.25, 0.25, 0.25]), grain=0.01)
    assert equal.error == pytest.approx(0.01 / math.sqrt(6) / math.sqrt(3), abs=1e-15)
    assert 0 < equal.p < 0.01
    assert over_seeds(np.array([0.1, 0.3]), grain=0.01) == over_seeds(np.array([0.1, 0.3]))


@pytest.mark.parametrize(("mean", "p", "interval"), [(0.5, 0, (0.5, 0.5)), (0.0, 1, (0, 0)), (-0.5, 0, (-0.5, -0.5))])
def test_no_error_at_all(mean: float, p: float, interval: tuple[float, float]) -> None:
    estimate = Estimate(mean, 0.0, 4)
    assert (estimate.p, estimate.interval(0.95)) == (p, interval)
    assert estimate.beyond(0.6) == 0
    assert estimate.beyond(0.25) == float(mean != 0)


def test_mean_squares_are_those_of_a_two_way_analysis_of_variance() -> None:
    # Written out: seeds' means 2 and 4, images' means 1, 4 and 4, the mean 3.
    d = np.array([[0.0, 2.0, 4.0], [2.0, 6.0, 4.0]])
    seeds, images, rest = mean_squares(d)
    assert (seeds, images, rest) == pytest.approx((3 * 2 / 1, 2 * 6 / 2, 4 / 2))


def test_seeds_and_images_are_both_covered() -> None:
    d = np.array([[0.0, 2.0, 4.0], [2.0, 6.0, 4.0]])
    estimate = over_seeds_and_images(d)
    variance = (6 + 6 - 2) / 6
    assert (estimate.mean, estimate.error) == pytest.approx((3, math.sqrt(variance)))
    assert estimate.df == pytest.approx(variance**2 / (1**2 / 1 + ((6 - 2) / 6) ** 2 / 2))


@pytest.mark.parametrize("images", [300, 10_000])
def test_alike_seeds_leave_the_error_of_the_images(images: int) -> None:
    d = np.repeat(crossed(1, images), 4, axis=0)
    estimate = over_seeds_and_images(d)
    assert over_seeds(d.mean(1)).error == pytest.approx(0, abs=1e-15)
    assert estimate.error == pytest.approx(d[0].std(ddof=1) / math.sqrt(images), rel=1e-12)
    assert estimate.df == pytest.approx(images - 1)


def test_no_variance_is_taken_below_that_of_one_factor() -> None:
    # Images that pull each seed another way: the residual exceeds what the images' means vary by.
    rng = np.random.default_rng(0)
    one = rng.normal(0, 1, 50)
    d = np.stack([one, -one]) + 0.1
    seeds, images, rest = mean_squares(d)
    assert images < rest
    assert over_seeds_and_images(d).error == pytest.approx(math.sqrt(max(seeds, images) / d.size))
    assert over_seeds_and_images(d).df == 1  # neither part is left to tell it


def test_without_any_spread_the_two_way_interval_has_no_width() -> None:
    assert over_seeds_and_images(np.full((3, 5), 0.25)) == Estimate(0.25, 0.0, 2)


def test_variance_of_images_is_added_to_that_of_seeds() -> None:
    d = np.array([0.1, 0.2, 0.3])
    estimate = with_image_variance(d, 0.0004, 233)
    of_seeds = 0.01 / 3
    assert estimate.error == pytest.approx(math.sqrt(of_seeds + 0.0004))
    assert estimate.df == pytest.approx((of_seeds + 0.0004) ** 2 / (of_seeds**2 / 2 + 0.0004**2 / 232))
    alone = with_image_variance(d, 0.0, 233)
    assert (alone.mean, alone.error, alone.df) == pytest.approx((0.2, over_seeds(d).error, 2))
    assert with_image_variance(np.array([0.5, 0.5]), 0.0, 9) == Estimate(0.5, 0.0, 1)


def test_wider_goes_by_the_interval_not_by_the_error() -> None:
    few, many = Estimate(0.1, 0.9, 1), Estimate(0.1, 1.0, 500)
    assert wider(few, many, 0.95) is few
    assert wider(many, few, 0.95) is few
    assert wider(few, few, 0.95) is few


@pytest.mark.parametrize("margin", [0.01, 0.05, 0.5])
def test_equivalence_is_two_one_sided_tests(margin: float) -> None:
    estimate = Estimate(-0.03, 0.02, 7.5)
    low = stats.t.sf((estimate.mean + margin) / estimate.error, estimate.df)
    high = stats.t.cdf((estimate.mean - margin) / estimate.error, estimate.df)
    assert estimate.beyond(margin) == pytest.approx(max(low, high), abs=1e-12)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Estimate(0, 1, 3).interval(95), "confidence=95"),
        (lambda: Estimate(0, 1, 3).beyond(0), "margin=0"),
        (lambda: over_seeds(np.array([1.0])), "at least two"),
        (lambda: over_seeds_and_images(np.zeros((1, 9))), "two seeds and two images"),
    ],
)
def test_what_has_no_answer_is_refused(wrong, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wrong()


def test_parts_without_variance_leave_no_limit_of_freedom() -> None:
    assert satterthwaite([(0.0, 2), (0.0, 9)], 0.0) == math.inf
    assert satterthwaite([(0.5, 4)], 0.5) == 4


def test_folds_that_overlap():
    d = np.array([0.1, 0.3, 0.2, 0.6, 0.3])
    found = over_folds(d, 0.25)
    assert found.mean == pytest.approx(0.3)
    assert found.error**2 == pytest.approx((1 / 5 + 0.25) * np.var(d, ddof=1), rel=1e-12)
    assert found.df == 4


def test_groups_of_one_size_are_their_means():
    d = np.random.default_rng(0).normal(0.2, 1, (4, 30))
    groups = np.arange(30) // 3
    found = by_group(d, groups)
    assert found == pytest.approx(d.reshape(4, 10, 3).mean(2), abs=1e-12)
    assert by_group(d, np.arange(30)) == pytest.approx(d, abs=1e-12)


def test_groups_of_unequal_size_keep_the_mean_over_images():
    d = np.random.default_rng(1).normal(0.2, 1, (3, 20))
    groups = np.repeat(np.arange(4), [1, 2, 7, 10])
    found = by_group(d, groups)
    assert found.mean(1) == pytest.approx(d.mean(1), abs=1e-12)
    assert found[0, 0] == pytest.approx(d[0].mean() + 4 / 20 * (d[0, 0] - d[0].mean()), abs=1e-12)


@pytest.mark.promise("groups of test images")
def test_images_that_are_alike_count_as_one():
    """Ten groups of ten copies each are as much as ten images."""
    ten = np.random.default_rng(2).normal(0, 1, (3, 10))
    copies, groups = np.repeat(ten, 10, axis=1), np.repeat(np.arange(10), 10)
    grouped, alone = over_seeds_and_images(by_group(copies, groups)), over_seeds_and_images(ten)
    assert (grouped.mean, grouped.error, grouped.df) == pytest.approx((alone.mean, alone.error, alone.df))
    assert over_seeds_and_images(copies).error < 0.7 * alone.error
