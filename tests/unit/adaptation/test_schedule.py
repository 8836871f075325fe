from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from tests.composed import config
from tlbench.adaptation.schedule import GroupFactor, group_factor, warmup_steps


@pytest.mark.promise("warm-up and schedule")
def test_warm_up_is_linear_and_the_first_step_moves():
    factor = GroupFactor("constant", warmup_steps=4, total_steps=10)
    assert [factor(s) for s in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])


@pytest.mark.promise("warm-up and schedule")
def test_cosine_starts_at_one_after_the_warm_up_halves_in_the_middle_and_ends_at_zero():
    factor = GroupFactor("cosine", warmup_steps=2, total_steps=12)
    assert factor(2) == pytest.approx(1.0)
    assert factor(7) == pytest.approx(0.5)
    assert factor(12) == pytest.approx(0.0)
    assert factor(13) == pytest.approx(0.0)


def test_warm_up_over_the_whole_run_never_divides_by_zero():
    factor = GroupFactor("cosine", warmup_steps=5, total_steps=5)
    assert [factor(s) > 0 for s in range(5)] == [True] * 5
    assert factor(5) == pytest.approx(1.0)


def test_a_frozen_group_has_the_factor_zero_and_leaves_the_global_schedule_as_it_is():
    frozen = GroupFactor("cosine", warmup_steps=2, total_steps=12, group_warmup_steps=3, unfrozen_at=None)
    free = GroupFactor("cosine", warmup_steps=2, total_steps=12)
    assert [frozen(s) for s in range(13)] == [0.0] * 13
    assert [frozen.global_factor(s) for s in range(13)] == [free(s) for s in range(13)]


def test_an_unfrozen_group_warms_up_by_itself_from_its_step_on():
    factor = GroupFactor("constant", warmup_steps=0, total_steps=20, group_warmup_steps=3, unfrozen_at=None)
    factor.unfrozen_at = 10
    assert [factor(s) for s in range(10, 16)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])


@pytest.mark.promise("a group's own warm-up")
def test_the_own_warm_up_multiplies_the_global_factor():
    factor = GroupFactor("cosine", warmup_steps=4, total_steps=24, group_warmup_steps=3, unfrozen_at=2)
    assert factor(2) == pytest.approx(3 / 5 * 1 / 4)  # both warm-ups under way
    assert factor(3) == pytest.approx(4 / 5 * 2 / 4)
    assert factor(14) == pytest.approx(0.5)
    factor.unfrozen_at = 14
    assert factor(14) == pytest.approx(0.5 * 1 / 4)
    assert factor(24) == pytest.approx(0.0)


def test_without_a_warm_up_of_its_own_a_group_begins_at_the_global_factor():
    factor = GroupFactor("constant", warmup_steps=0, total_steps=20, group_warmup_steps=0, unfrozen_at=10)
    assert factor(10) == 1.0


def test_a_group_that_trains_from_the_beginning_has_the_global_warm_up_only():
    factor = GroupFactor("constant", warmup_steps=1, total_steps=20, group_warmup_steps=9, unfrozen_at=0)
    assert [factor(s) for s in range(3)] == pytest.approx([0.5, 1.0, 1.0])


RECIPE = config("optimizer=yolo").optimizer
BATCHES, EPOCHS = 9, 10


def ultralytics_rates(lr: float, batches: int, epochs: int) -> list[float]:
    """Each batch's rate by the rules of ultralytics' loop: a staircase of epochs, interpolated up to ni = warm-up."""
    warmup, rates = round(min(3.0, epochs - 1) * batches), []
    for epoch in range(epochs):
        factor = max(1 - epoch / epochs, 0) * (1.0 - 0.01) + 0.01
        for ni in range(epoch * batches, (epoch + 1) * batches):
            warming = warmup and ni <= warmup
            rates.append(float(np.interp(ni, [0, warmup], [0.0, lr * factor])) if warming else lr * factor)
    return rates


def test_linear_by_hand():
    factor = group_factor(RECIPE, BATCHES, EPOCHS)
    assert (factor(0), factor(27)) == (0.0, pytest.approx(0.703))  # 27 batches of warm-up, then 0.7 · 0.99 + 0.01
    assert factor(8) == pytest.approx(8 / 27)
    assert factor(9) == pytest.approx(9 / 27 * 0.901)  # the second epoch: 0.9 · 0.99 + 0.01
    assert factor(26) == pytest.approx(26 / 27 * 0.802)
    assert {factor(step) for step in range(27, 36)} == {factor(27)}
    assert factor(89) == pytest.approx(0.109)
    assert factor(90) == pytest.approx(0.01)


@pytest.mark.parametrize(("batches", "epochs"), [(9, 10), (9, 3), (9, 2), (9, 1), (1, 5), (100, 4)])
def test_linear_is_the_rate_of_ultralytics_in_every_batch(batches, epochs):
    factor = group_factor(RECIPE, batches, epochs)
    rates = [RECIPE.lr * factor(step) for step in range(batches * epochs)]
    assert rates == pytest.approx(ultralytics_rates(RECIPE.lr, batches, epochs), rel=1e-12)


def test_linear_leaves_the_last_epoch_to_the_schedule_and_the_others_warm_up_as_long_as_they_are_told():
    assert [warmup_steps(RECIPE, BATCHES, epochs) for epochs in (1, 2, 4, 10)] == [0, 9, 27, 27]
    cosine = config("optimizer=adamw", "optimizer.warmup_epochs=2.5", "trainer.max_epochs=3").optimizer
    assert warmup_steps(cosine, BATCHES, 3) == 22


def test_an_unfrozen_group_warms_up_on_top_of_the_linear_schedule():
    factor = group_factor(RECIPE, BATCHES, EPOCHS, group_warmup_steps=3, unfrozen_at=None)
    assert factor(45) == 0.0
    factor.unfrozen_at = 45
    assert [factor(s) for s in range(45, 49)] == pytest.approx([0.25 * 0.505, 0.5 * 0.505, 0.75 * 0.505, 0.505])


def scheduled() -> tuple[LambdaLR, list[GroupFactor]]:
    """Two groups, the second one frozen."""
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([{"params": [p], "lr": lr} for p, lr in zip(parameters, (1.0, 10.0), strict=True)])
    factors = [GroupFactor("cosine", 2, 12, 3, unfrozen_at) for unfrozen_at in (0, None)]
    return LambdaLR(optimizer, factors), factors


def steps(scheduler: LambdaLR, count: int) -> list[list[float]]:
    rates = []
    for _ in range(count):
        scheduler.optimizer.step()
        scheduler.step()
        rates.append([group["lr"] for group in scheduler.optimizer.param_groups])
    return rates


def test_a_checkpoint_of_lambda_lr_holds_when_a_group_was_unfrozen():
    scheduler, factors = scheduled()
    steps(scheduler, 4)
    factors[1].unfrozen_at = 4
    file = io.BytesIO()
    torch.save({"schedule": scheduler.state_dict(), "optimizer": scheduler.optimizer.state_dict()}, file)
    expected = steps(scheduler, 6)
    assert all(second > 0 for _, second in expected)

    file.seek(0)
    state = torch.load(file, weights_only=True)
    fresh, fresh_factors = scheduled()
    assert fresh_factors[1].unfrozen_at is None
    fresh.optimizer.load_state_dict(state["optimizer"])
    fresh.load_state_dict(state["schedule"])
    assert fresh_factors == factors
    assert fresh_factors[1].unfrozen_at == 4
    assert steps(fresh, 6) == expected
