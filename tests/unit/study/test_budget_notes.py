from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.unit.study.curves import curve
from tlbench.records.record import Record
from tlbench.study.budget_notes import budget_notes, ended_by_time
from tlbench.study.summary import summarise_study

Make = Callable[..., Record]

FLAT = [0.5, 0.7, 0.8, 0.85, 0.88, 0.9, 0.9, 0.9, 0.9]
RISES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6, 0.65, 0.7]  # 0.1 over the last three values: 0.2755 a doubling
SCATTERS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.55, 0.7, 0.6]


def runs(record: Make, arm: str, curves: Sequence[Sequence[float]], **changes: Any) -> list[Record]:
    return [record(arm, seed, **(curve(values) | changes)) for seed, values in enumerate(curves)]


def notes(a: list[Record], b: list[Record], margin: float | None = None, percent: Sequence[str] = ("oa",)) -> list[str]:
    return list(budget_notes({"tin200": "random"}, {"tin200": a, "random": b}, "test/oa", margin, percent))


@pytest.mark.promise("rising curves")
def test_an_arm_that_still_rises_is_named_with_what_twice_the_epochs_would_add(record: Make) -> None:
    behind = notes(runs(record, "tin200", [FLAT] * 2), runs(record, "random", [RISES] * 2))
    assert behind == [
        "random still rises at its last epoch: val/oa would gain about 27.5 points in twice the epochs, if it went on "
        "as in the last third; its difference from tin200 may then be smaller."
    ]
    ahead = notes(runs(record, "tin200", [[2 * v for v in RISES]] * 2), runs(record, "random", [FLAT] * 2), percent=())
    assert ahead == [
        "tin200 still rises at its last epoch: val/oa would gain about 0.551 in twice the epochs, if it went on as in "
        "the last third; its difference from random may then be larger."
    ]


def test_scatter_is_no_rise_and_neither_is_what_would_change_little(record: Make) -> None:
    tin200 = runs(record, "tin200", [FLAT] * 2)
    assert notes(tin200, runs(record, "random", [SCATTERS] * 2)) == []
    assert notes(tin200, runs(record, "random", [FLAT] * 2)) == []
    slowly = [*FLAT[:6], 0.6, 0.601, 0.602]
    far = runs(record, "random", [[v - 0.5 for v in FLAT[:6]] + slowly[6:]] * 2)  # 0.6 points a doubling of 29.8
    assert notes(tin200, far) == []
    assert len(notes(tin200, far, margin=0.005)) == 1  # the margin decides, where there is one
    assert notes(tin200, far, margin=0.006) == []


def test_of_a_loss_falling_is_rising(record: Make) -> None:
    def losses(arm: str, values: Sequence[float]) -> list[Record]:
        best = {"monitor": "val/loss", "value": min(values), "epoch": 1, "stage": "full"}
        return [record(arm, seed, **(curve(values, "val/loss") | {"best": best})) for seed in (0, 1)]

    (said,) = notes(losses("tin200", [1 - v for v in FLAT]), losses("random", [1 - v for v in RISES]), margin=9.0)
    assert said.startswith("random still rises at its last epoch: val/loss would fall by about 0.275 in twice")
    assert said.endswith("its difference from tin200 may then be smaller.")  # a margin of another metric is none


def test_an_arm_compared_with_two_is_named_once(record: Make) -> None:
    all_runs = {
        "a": runs(record, "a", [FLAT] * 2),
        "b": runs(record, "b", [[0.3] * 9] * 2),
        "random": runs(record, "random", [RISES] * 2),
    }
    (said,) = budget_notes({"a": "random", "b": "random"}, all_runs, "test/oa", None, {"oa"})
    assert said.endswith("its difference from a, b may then change.")


def trained(record: Make, arm: str, train: Sequence[float], val: float, **changes: Any) -> list[Record]:
    return [
        record(arm, seed, **(curve([val] * 3, train__oa=[0.1, 0.2, last]) | changes)) for seed, last in enumerate(train)
    ]


def test_an_arm_that_is_behind_on_what_it_was_shown_is_named(record: Make) -> None:
    tin200 = trained(record, "tin200", [0.98, 0.97, 0.99], 0.9)
    assert notes(tin200, trained(record, "random", [0.70, 0.72, 0.68], 0.6)) == [
        "random is behind on its own training images, too (train/oa 70.0 %, tin200 98.0 %, as measured while "
        "training): it has learnt less of what it was shown, which more epochs or another learning rate may change."
    ]
    assert notes(tin200, trained(record, "random", [0.97, 0.96, 0.97], 0.6)) == []  # it does not generalise
    assert notes(tin200, trained(record, "random", [0.99, 0.40, 0.60], 0.6)) == []  # it may be chance
    assert notes(tin200[:1], trained(record, "random", [0.7], 0.6)) == []
    head = [{"name": "head", "trainable": ["head"], "first_epoch": 1, "parameters": 1}]
    assert notes(tin200, trained(record, "random", [0.70, 0.72, 0.68], 0.6, stages=head)) == []  # it cannot learn more


def test_an_arm_without_curves_is_passed_over(record: Make) -> None:
    without = [record("random", seed) for seed in (0, 1)]
    assert notes(runs(record, "tin200", [RISES] * 2), without) == []
    assert notes([], []) == []


def test_arms_that_time_ended_are_named_with_their_epochs(record: Make) -> None:
    def ended(arm: str, *epochs: int | None) -> list[Record]:
        found = []
        for seed, count in enumerate(epochs):
            run = record(arm, seed)
            stopped = count and {"epochs": count, "steps": 9 * count, "seconds": 60.5}
            found.append(record(arm, seed, volatile=run.volatile.model_dump() | {"stopped_by_time": stopped}))
            found[-1].config["trainer"] = {"max_time_s": 60.0, "max_epochs": 10}
        return found

    runs = {"a": ended("a", 7, 6, 7), "b": ended("b", 8, 8), "c": ended("c", 9, None), "d": ended("d", None)}
    assert list(ended_by_time(runs)) == [
        "trainer.max_time_s=60 ended a after 6 to 7 of 10 epochs.",
        "trainer.max_time_s=60 ended b after 8 of 10 epochs.",
        "trainer.max_time_s=60 ended 1 of 2 runs of c after 9 of 10 epochs.",
    ]
    said = summarise_study([*runs["a"], *runs["d"]], ["source"]).notes
    assert "trainer.max_time_s=60 ended a after 6 to 7 of 10 epochs." in said


@pytest.mark.promise("negative transfer is named")
def test_weights_that_are_worse_than_random_ones_are_negative_transfer(record: Make) -> None:
    def study(tin200: Sequence[float], names: tuple[str, str] = ("tin200", "random")) -> list[str]:
        a = [record(names[0], seed, oa) for seed, oa in enumerate(tin200)]
        b = [record(names[1], seed, 0.9) for seed in range(len(tin200))]
        said = summarise_study([*a, *b], ["source"], against={names[0]: names[1]}).notes
        return [note for note in said if note.startswith("Negative transfer")]

    recipe = "With this recipe the source's weights cost more than they bring; another learning rate or strategy, or a "
    expected = f"{recipe}source closer to the target, may change that."
    assert study([0.80, 0.81, 0.79]) == [f"Negative transfer: tin200 is worse than random. {expected}"]
    assert study([0.95, 0.96, 0.97], ("random", "coco")) == [
        f"Negative transfer: coco is worse than random. {expected}"
    ]
    assert study([0.95, 0.96, 0.97]) == []
    assert study([0.80, 0.95, 0.70]) == []  # undecided
    assert study([0.80]) == []  # no verdict
    assert study([0.80, 0.81, 0.79], ("tin200", "imagenet")) == []


def test_what_is_no_better_than_the_most_frequent_class_is_named(record: Make) -> None:
    majority = {"majority": {"class": "sky", "splits": {"test": {"oa": 0.5}}}}

    def study(*oa: float, **options: Any) -> list[str]:
        found = [record("tin200", seed, 0.9, data__audit=majority) for seed in range(len(oa))]
        found += [record("random", seed, value, data__audit=majority) for seed, value in enumerate(oa)]
        return [note for note in summarise_study(found, ["source"], **options).notes if "sky" in note]

    said = "random is no better than calling everything 'sky': it has learnt nothing that shows"
    assert [note.startswith(said) for note in study(0.5, 0.5)] == [True]
    assert study(0.5, 0.51) == []
    assert study(0.5, 0.5, primary="test/f1") == []  # what the floor does not say
