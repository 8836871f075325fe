"""Two crossed factors, and all pairs of few arms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.unit.study.test_scored_images import IMAGES, predictions, run  # noqa: F401 - a fixture
from tlbench.records.record import Record
from tlbench.statistics.multiplicity import holm
from tlbench.statistics.paired import over_seeds, over_seeds_and_images
from tlbench.study.comparisons import other_pairs
from tlbench.study.factorial import grid_of
from tlbench.study.findings import findings
from tlbench.study.sentences import short_line
from tlbench.study.summary import StudySummary, summarise_study

Make = Callable[..., Record]
FACTORS = ("source", "strategy")
OA = {  # arm → by seed
    ("tin200", "head"): (0.70, 0.72, 0.71, 0.75),
    ("tin200", "full"): (0.90, 0.93, 0.91, 0.92),
    ("random", "head"): (0.50, 0.49, 0.53, 0.52),
    ("random", "full"): (0.85, 0.84, 0.86, 0.83),
}


def of(record: Make, source: str, strategy: str, seed: int, oa: float) -> Record:
    return record(f"{source}-{strategy}", seed, oa, config__strategy={"name": strategy}, factors=list(FACTORS))


def crossed(record: Make, leave_out: tuple[str, str] | None = None) -> StudySummary:
    runs = [
        of(record, *arm, seed, oa) for arm, all_oa in OA.items() if arm != leave_out for seed, oa in enumerate(all_oa)
    ]
    return summarise_study(runs, FACTORS)


@pytest.mark.promise("crossed factors")
def test_main_effects_and_interaction_are_scipys_t_tests_of_the_contrasts(record: Make) -> None:
    values = {arm: np.array(oa) for arm, oa in OA.items()}
    a, b, c, d = (values[arm] for arm in OA)
    expected = {
        "tin200 − random, mean over strategy": (a + b) / 2 - (c + d) / 2,
        "head − full, mean over source": (a + c) / 2 - (b + d) / 2,
        "(tin200 − random) of head − that of full": (a - c) - (b - d),
    }
    found = crossed(record).effects
    assert [(each.kind, each.factors, each.name) for each in found] == [
        ("main effect", ("source",), "tin200 − random, mean over strategy"),
        ("main effect", ("strategy",), "head − full, mean over source"),
        ("interaction", ("source", "strategy"), "(tin200 − random) of head − that of full"),
    ]
    tests = [stats.ttest_1samp(expected[each.name], 0) for each in found]
    for each, test in zip(found, tests, strict=True):
        interval = test.confidence_interval(0.95)
        assert each.paired.mean == pytest.approx(expected[each.name].mean(), abs=1e-12)
        assert (each.paired.low, each.paired.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert [each.paired.holm for each in found] == pytest.approx(holm([test.pvalue for test in tests]), abs=1e-12)


def test_levels_are_compared_with_random_or_else_the_last(record: Make) -> None:
    arms = [(source, strategy) for source in ("random", "tin200", "imagenet") for strategy in ("a", "b", "c")]
    runs = [of(record, *arm, seed, 0.5 + (i * 7 + seed * 3) % 11 / 50) for i, arm in enumerate(arms) for seed in (0, 1)]
    found = summarise_study(runs, FACTORS).effects
    assert [each.name for each in found if each.kind == "main effect"] == [
        "tin200 − random, mean over strategy",
        "imagenet − random, mean over strategy",
        "a − c, mean over source",
        "b − c, mean over source",
    ]
    assert sum(each.kind == "interaction" for each in found) == 4


def test_without_each_combination_there_is_no_effect(record: Make) -> None:
    summary = crossed(record, leave_out=("random", "head"))
    assert summary.effects == ()
    assert [(d.arm, d.baseline) for d in summary.differences if d.metric == "test/oa"] == [
        ("tin200-full", "random-full")
    ]
    three = {f"{i}": {"source": {"name": f"s{i}"}, "strategy": {"name": "x"}} for i in range(3)}
    assert grid_of(three, FACTORS) is None  # one factor alone varies


@pytest.mark.promise("crossed factors")
def test_an_interaction_counts_the_test_images_in(run: Callable[..., Record]) -> None:  # noqa: F811
    share = {("tin200", "head"): 0.6, ("tin200", "full"): 0.9, ("random", "head"): 0.4, ("random", "full"): 0.5}
    runs = [run(f"{s}-{t}", seed, p, config__strategy={"name": t}) for (s, t), p in share.items() for seed in range(3)]
    interaction = summarise_study(runs, FACTORS).effects[-1].paired
    drawn = {p: np.stack([q.argmax(1) == t for t, q in (predictions(s, p) for s in range(3))]) for p in share.values()}
    d = (drawn[0.6].astype(float) - drawn[0.4]) - (drawn[0.9].astype(float) - drawn[0.5])
    # Rounding in four arms spreads a sum by grain · √(4/12), as that of two does by grain / √6.
    plain = over_seeds(d.mean(1), math.sqrt(2) / IMAGES)
    half = max(over_seeds_and_images(d).half_width(0.95), plain.half_width(0.95))
    assert (interaction.high - interaction.low) / 2 == pytest.approx(half, abs=1e-12)
    assert interaction.covers == ("seeds", "test images")


def test_effects_are_printed_as_a_family_of_their_own(record: Make) -> None:
    lines = [line for line, _ in findings(crossed(record))]
    start = next(i for i, line in enumerate(lines) if line.startswith("Main effects"))
    assert lines[start:-2] == [
        "Main effects and interaction, points test/oa with 95% intervals over 4 seeds; p by Holm for these 3, a family "
        "of their own:",
        "  source, tin200 − random, mean over strategy: +14.00 [+10.27, +17.73], better (p = 0.001)",
        "  strategy, head − full, mean over source: −26.50 [−29.33, −23.67], worse (p < 0.001)",
        "  source × strategy, (tin200 − random) of head − that of full: +14.00 [+12.70, +15.30], there is one "
        "(p < 0.001)",
    ]


@pytest.mark.promise("all pairs")
def test_all_pairs_of_three_to_six_arms_are_one_family(record: Make) -> None:
    level = {"a": 0.60, "b": 0.75, "c": 0.90}
    runs = [
        record(arm, seed, oa + (seed * (i + 1)) % 3 / 100, config__strategy={"name": arm})
        for i, (arm, oa) in enumerate(level.items())
        for seed in range(3)
    ]
    summary = summarise_study(runs, ["strategy"])
    family = [d for d in summary.differences if d.metric == "test/oa"]
    assert [(d.arm, d.baseline, d.with_baseline, d.exploratory) for d in family] == [
        ("a", "c", True, False),
        ("b", "c", True, False),
        ("a", "b", False, False),
    ]
    assert [d.paired.holm for d in family] == pytest.approx(holm([d.paired.p for d in family]))
    assert {d.exploratory for d in summary.differences if d.metric != "test/oa"} == {True}
    lines = [line for line, _ in findings(summary)]
    head = "Other pairs, points test/oa with 95% intervals over 3 seeds; p by Holm for all 3 comparisons:"
    assert lines[lines.index(head) + 1 : -1] == ["  a − b: −15.00 [−17.48, −12.52], worse (p = 0.003)"]


def test_of_more_arms_the_baseline_alone_is_compared(record: Make) -> None:
    names = [f"arm{i}" for i in range(7)]
    assert len(other_pairs(names[:6], dict.fromkeys(names[:5], "arm5"))) == 10
    assert other_pairs(names, dict.fromkeys(names[:6], "arm6")) == []
    assert other_pairs(["a", "b", "c", "d"], {"a": "b", "c": "d"}) == []  # two baselines: the pairs differ in more
    runs = [record(name, seed, config__strategy={"name": name}) for name in names for seed in (0, 1)]
    assert any("7 arms: each is compared with arm6 alone" in note for note in summarise_study(runs, ["strategy"]).notes)


def test_equivalence_and_missing_intervals_in_a_line(record: Make) -> None:
    paired = crossed(record).differences[0].paired
    assert "equivalent (p = 0.021)" in short_line(
        "a − b", replace(paired, verdict="equivalent", equivalence=0.021), percent=True
    )
    assert short_line("a − b", replace(paired, low=None, n=1), percent=True).endswith(" over 1 seed, no interval")
    assert short_line("a − b", replace(paired, mean=None), percent=True) == "a − b: no seed in common"
