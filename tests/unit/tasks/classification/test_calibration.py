from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from tlbench.errors import DataError, WeightsError
from tlbench.tasks.classification.calibration import HIGHEST, LOWEST, fit_temperature, nll, temperature_warning
from tlbench.tasks.classification.metrics import ClassificationMetrics


def drawn(samples: int, classes: int, scale: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and targets drawn from softmax(logits); the logits are then made over-confident by a factor."""
    generator = torch.Generator().manual_seed(seed)
    logits = 1.5 * torch.randn(samples, classes, generator=generator)
    targets = torch.multinomial(logits.softmax(dim=1), 1, generator=generator).squeeze(1)
    return logits * scale, targets


def test_nll_is_the_mean_of_minus_log_softmax() -> None:
    logits, targets = torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.tensor([0, 0])
    by_hand = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(2))) / 2
    assert nll(logits, targets, 2.0) == pytest.approx(by_hand, rel=1e-12)


def test_two_classes_by_hand() -> None:
    # three of four samples right, all with a margin of 6: the best confidence is 3/4, so that 6 / T = log 3
    logits = torch.tensor([[6.0, 0.0]] * 4)
    assert fit_temperature(logits, torch.tensor([0, 0, 0, 1])) == pytest.approx(6 / math.log(3), rel=1e-9)


@pytest.mark.promise("temperature")
@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_the_minimum_is_that_of_scipy_and_undoes_the_scale(scale: float) -> None:
    logits, targets = drawn(4000, 7, scale)
    t = fit_temperature(logits, targets)
    bounds = (math.log(LOWEST), math.log(HIGHEST))
    found = minimize_scalar(
        lambda s: nll(logits, targets, math.exp(s)), bounds=bounds, method="bounded", options={"xatol": 1e-10}
    )
    assert t == pytest.approx(math.exp(found.x), rel=1e-5)
    assert nll(logits, targets, t) <= found.fun + 1e-12
    assert t == pytest.approx(scale, rel=0.05)
    assert t == fit_temperature(logits, targets)
    assert temperature_warning(t) is None


@pytest.mark.promise("temperature")
def test_ece_falls_on_over_confident_logits_and_oa_stays() -> None:
    logits, targets = drawn(4000, 7, 5.0)
    fitted = fit_temperature(logits[:2000], targets[:2000])
    values = []
    for t in (1.0, fitted):
        metrics = ClassificationMetrics(7, [f"c{i}" for i in range(7)])
        metrics.update(logits[2000:] / t, targets[2000:])
        values.append({key: float(value) for key, value in metrics.compute().items()})
    before, after = values
    assert before["ece"] > 0.2
    assert after["ece"] < 0.04
    assert after["oa"] == before["oa"]


def test_all_right_stops_at_the_lowest_and_says_so() -> None:
    logits = torch.eye(3).repeat(4, 1)
    t = fit_temperature(logits, logits.argmax(dim=1))
    assert t == LOWEST
    assert "classified right" in str(temperature_warning(t))


def test_all_wrong_stops_at_the_highest_and_says_so() -> None:
    logits = torch.eye(3).repeat(4, 1)
    t = fit_temperature(logits, (logits.argmax(dim=1) + 1) % 3)
    assert t == HIGHEST
    assert "uniform" in str(temperature_warning(t))


def test_logits_that_no_temperature_changes_give_one() -> None:
    assert fit_temperature(torch.full((5, 4), 2.5), torch.tensor([0, 1, 2, 3, 0])) == 1.0
    assert fit_temperature(torch.randn(5, 1), torch.zeros(5, dtype=torch.int64)) == 1.0


def test_large_logits_neither_overflow_nor_lose_the_minimum() -> None:
    logits, targets = drawn(2000, 5, 20.0)
    shifted = logits.double() + 1e6
    assert fit_temperature(shifted, targets) == pytest.approx(fit_temperature(logits, targets), rel=1e-6)


def test_nothing_to_fit_on_and_logits_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="holds no images"):
        fit_temperature(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    for bad in (np.nan, np.inf):
        with pytest.raises(WeightsError, match="not finite"):
            fit_temperature(torch.tensor([[bad, 0.0]]), torch.tensor([0]))
    with pytest.raises(WeightsError, match="the true class of some images the logit -inf"):
        fit_temperature(torch.tensor([[-np.inf, 0.0]]), torch.tensor([0]))


def test_masked_classes_are_fitted_as_if_they_were_not_there() -> None:
    logits, targets = drawn(500, 5, 3.0)
    masked = torch.cat([logits, torch.full((500, 1), -torch.inf)], dim=1)
    assert fit_temperature(masked, targets) == pytest.approx(fit_temperature(logits, targets), rel=1e-6)
