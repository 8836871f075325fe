"""By how much the best of a curve flatters, against curves of which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from tlbench.statistics.optimism import excess

EPOCHS = np.arange(20)
FLAT, RISING = np.zeros(20), 1 - np.exp(-EPOCHS / 4)


def both(truth: np.ndarray, noise: float, curves: int = 2000) -> tuple[float, float]:
    """Mean over curves of what the best exceeds the truth by, and of the estimate."""
    rng, found = np.random.default_rng(0), []
    for _ in range(curves):
        curve = truth + rng.normal(0, noise, len(truth))
        best = int(curve.argmax())
        found.append((curve[best] - truth[best], excess(curve.tolist(), best)))
    true, estimated = np.mean(found, axis=0)
    return float(true), float(estimated)


@pytest.mark.promise("optimistic validation")
def test_of_a_flat_curve_it_is_that_of_the_maximum() -> None:
    true, estimated = both(FLAT, 1.0)
    assert true == pytest.approx(1.867, abs=0.03)  # expected maximum of 20 normal values
    assert estimated == pytest.approx(true * 20 / 19, rel=0.05)


@pytest.mark.promise("optimistic validation")
@pytest.mark.parametrize("noise", [0.003, 0.01, 0.1])
def test_of_a_rising_curve_it_errs_upwards(noise: float) -> None:
    true, estimated = both(RISING, noise)
    assert true < estimated < 1.55 * true


def test_without_errors_there_is_next_to_none() -> None:
    assert excess((2 * EPOCHS + 1.0).tolist(), 19) == pytest.approx(0, abs=1e-12)  # a line, at its end
    assert excess(RISING.tolist(), 19) == pytest.approx(0, abs=2e-3)
    peak = -((EPOCHS - 10.0) ** 2)
    assert 0 < excess(peak.tolist(), 10) < 5  # of a curve that falls by 100 over ten epochs


def test_too_few_neighbours_tell_nothing() -> None:
    assert excess([0.1, 0.3, 0.2], 1) is None
    assert excess([0.1, None, 0.3, float("nan"), 0.2, 0.1], 2) is not None
    assert excess([0.1, None, 0.3, float("nan"), 0.2], 2) is None
    assert excess([0.1, None, 0.3, 0.1, 0.2], 1) is None
    assert excess([1.0, 2.0, 3.0, 5.0], 3) == pytest.approx(1.0)  # the line leads to 4
