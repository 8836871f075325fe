"""The best of the trials, and what limits the choice."""

from __future__ import annotations

import pytest

from tlbench.records.tuning import SearchRecord, TrialRecord
from tlbench.study.choice import choose

SEARCH = SearchRecord(
    keys=["optimizer.lr"],
    ranges={"optimizer.lr": [1e-4, 1e-2]},
    budget=3,
    seed=0,
    max_epochs=2,
    monitor="val/oa",
    config_hash="0",
)


def trials(*results: tuple[float, float | None]) -> list[TrialRecord]:
    return [
        TrialRecord(values={"optimizer.lr": lr}, value=value, status="failed" if value is None else "complete")
        for lr, value in results
    ]


def test_the_best_in_the_metrics_direction_and_the_first_of_equal_ones():
    of = trials((1e-3, 0.5), (3e-3, 0.7), (2e-3, 0.7), (5e-3, None), (4e-3, 0.4))
    assert choose(SEARCH, of, "max").chosen == {"optimizer.lr": 3e-3}
    assert choose(SEARCH, of, "min").chosen == {"optimizer.lr": 4e-3}
    assert choose(SEARCH, of, "max").trials == of


def test_none_where_all_failed():
    assert choose(SEARCH, trials((1e-3, None), (3e-3, None)), "max") is None
    assert choose(SEARCH, trials((1e-3, float("nan")), (3e-3, float("inf"))), "min") is None


@pytest.mark.parametrize(
    ("lr", "at_edge"), [(1e-4, True), (1.25e-4, True), (1.27e-4, False), (7.8e-3, False), (8e-3, True), (1e-2, True)]
)
def test_a_best_value_in_the_outermost_twentieth_of_the_range_is_a_warning(lr, at_edge):
    result = choose(SEARCH, trials((1e-3, 0.5), (lr, 0.75)), "max", ["split"])
    assert result.warnings[0] == "split"
    if not at_edge:
        assert len(result.warnings) == 1
        return
    assert result.warnings[1] == (
        f"optimizer.lr={lr:g} was the best (val/oa 0.7500) at the edge of the range searched, [0.0001, 0.01]: a better "
        "one may lie beyond; widen tuning.ranges.optimizer.lr in another study"
    )
