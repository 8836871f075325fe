from __future__ import annotations

import math

import pytest
from scipy import stats

from tlbench.statistics.power import minimal_shift, power, seeds_needed, upper_spread


@pytest.mark.parametrize("n", [2, 3, 5, 10, 20])
def test_power_by_integrating_over_the_spread(n: int) -> None:
    # T = (Z + shift) / sqrt(V / df): given V, what is left is normal.
    from scipy.integrate import quad

    df, critical, shift = n - 1, stats.t.ppf(0.975, n - 1), 1.7 * math.sqrt(n)

    def found(v: float) -> float:
        bound = critical * math.sqrt(v / df)
        return float((stats.norm.sf(bound - shift) + stats.norm.cdf(-bound - shift)) * stats.chi2.pdf(v, df))

    expected = quad(found, 0, 1)[0] + quad(found, 1, 200)[0]
    assert power(shift, df) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 100, 1000])
@pytest.mark.parametrize("effect", [0.3, 5, 12, 50])
def test_power_is_a_number_far_from_zero_as_well(n: int, effect: float) -> None:
    critical, shift = stats.t.ppf(0.975, n - 1), effect * math.sqrt(n)
    wrong_side = stats.nct.cdf(-critical, n - 1, shift)
    expected = stats.nct.sf(critical, n - 1, shift) + (0 if math.isnan(wrong_side) else wrong_side)
    assert power(shift, n - 1) == pytest.approx(expected, abs=1e-8)


def test_without_an_effect_power_is_the_rate_of_errors() -> None:
    assert power(0.0, 4, alpha=0.1) == pytest.approx(0.1, abs=1e-9)


@pytest.mark.parametrize(("n", "effect"), [(2, 11.55), (3, 3.26), (5, 1.68), (10, 1.00), (20, 0.66)])
def test_smallest_effect_that_is_found(n: int, effect: float) -> None:
    shift = minimal_shift(n - 1)
    assert shift / math.sqrt(n) == pytest.approx(effect, abs=0.005)
    assert power(shift, n - 1) == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize("df", [1e5, 1e9, math.inf])
def test_much_freedom_is_the_normal_distribution(df: float) -> None:
    assert minimal_shift(df) == pytest.approx(stats.norm.ppf(0.975) + stats.norm.ppf(0.8), abs=1e-3)


@pytest.mark.parametrize("mean", [0.3, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("images", [0.0, 0.005])
def test_seeds_needed_are_the_fewest(mean: float, images: float) -> None:
    n = seeds_needed(mean, 1.0, images)
    assert n is not None

    def power_of(seeds: int) -> float:
        return power(mean / math.sqrt(1 / seeds + images), seeds - 1)

    assert power_of(n) >= 0.8 > (power_of(n - 1) if n > 2 else 0)


def test_seeds_that_nobody_has_and_images_that_no_seed_replaces() -> None:
    assert seeds_needed(0.05, 1.0) is None
    assert seeds_needed(0.05, 1.0, most=10_000) == 3142
    assert seeds_needed(0.5, 0.01, images=0.04) is None


def test_upper_limit_of_a_spread() -> None:
    # Browne: s √((n − 1) / χ²) with the lower quantile of χ².
    assert upper_spread(0.5, 3) == pytest.approx(0.5 * math.sqrt(2 / stats.chi2.ppf(0.2, 2)))
    assert upper_spread(0.5, 3, confidence=0.5) == pytest.approx(0.5 * math.sqrt(2 / stats.chi2.ppf(0.5, 2)))
