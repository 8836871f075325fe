from __future__ import annotations

from collections.abc import Callable

import pytest

from tlbench.records.record import Record
from tlbench.study.optimism import optimism_of
from tlbench.study.summary import summarise_study

Make = Callable[..., Record]


def validated(record: Make, arm: str, seed: int, *values: float, monitor: str = "val/oa") -> Record:
    """A run without a test; its best epoch is the one of the highest value."""
    epoch = 1 + values.index(max(values))
    best = {"monitor": monitor, "value": max(values), "epoch": epoch, "stage": "full"}
    curves = [{"epoch": float(i + 1), monitor: value} for i, value in enumerate(values)]
    return record(arm, seed, metrics={}, best=best, curves=curves)


@pytest.mark.promise("optimistic validation")
def test_it_is_said_by_how_much(record: Make) -> None:
    high = (0.50, 0.60, 0.70, 0.84)  # a line leads to 0.80
    runs = [validated(record, arm, seed, *high) for arm in ("tin200", "random") for seed in (0, 1)]
    runs[3] = validated(record, "random", 1, 0.5, 0.6, 0.7, 0.8)
    notes = summarise_study(runs, ["source"], primary="val/oa", metrics=()).notes
    (note,) = [note for note in notes if "optimistic" in note]
    assert note.endswith(
        " By their curves it is so by about 4.00 points in tin200, 2.00 points in random: so far it lies above a line "
        "through the epochs around it."
    )


def test_it_is_never_negative_and_of_a_loss_the_other_way_round(record: Make) -> None:
    saturating = validated(record, "a", 0, 0.1, 0.5, 0.7, 0.75)
    assert optimism_of([saturating], "val/oa", higher_is_better=True) == 0
    low = [-0.50, -0.60, -0.70, -0.84]
    loss = validated(record, "a", 0, *(-value for value in low), monitor="val/loss")
    rows = [{"epoch": row["epoch"], "val/loss": -row["val/loss"]} for row in loss.curves]
    falling = loss.model_copy(update={"curves": rows})
    assert optimism_of([falling], "val/loss", higher_is_better=False) == pytest.approx(0.04)
    assert optimism_of([validated(record, "a", 0, 0.5, 0.6)], "val/oa", higher_is_better=True) is None
    assert optimism_of([record()], "val/oa", higher_is_better=True) is None
