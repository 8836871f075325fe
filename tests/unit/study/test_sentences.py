from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tlbench.records.folder import BY_LOOKS, BY_OPTION
from tlbench.records.record import Record
from tlbench.study.comparisons import Difference
from tlbench.study.sentences import covered, difference_line, verdict_lines
from tlbench.study.summary import summarise_study

Make = Callable[..., Record]


def differences(record: Make, *oa: float, arm: str = "tin200") -> tuple[Difference, ...]:
    """Of a study in which random always has 0.9."""
    runs = [record(arm, seed, value) for seed, value in enumerate(oa)]
    return summarise_study([*runs, *(record("random", seed, 0.9) for seed in range(len(oa)))], ["source"]).differences


@pytest.mark.parametrize(
    ("oa", "line", "lines"),
    [
        (
            (0.94, 0.95, 0.96),
            "tin200 − random: +5.00 points test/oa, 95% interval [+2.52, +7.48] over 3 seeds",
            [
                "tin200 is better than random: p = 0.013; ahead in 100% of the seeds, Hedges' g 2.9, 0.50 "
                "times the errors [0.30, 0.82]."
            ],
        ),
        (
            (0.84, 0.85, 0.86),
            "tin200 − random: −5.00 points test/oa, 95% interval [−7.48, −2.52] over 3 seeds",
            [
                "tin200 is worse than random: p = 0.013; ahead in 0% of the seeds, Hedges' g −2.9, 1.50 "
                "times the errors [1.27, 1.77]."
            ],
        ),
        (
            (0.89, 0.92),
            "tin200 − random: +0.50 points test/oa, 95% interval [−18.56, +19.56] over 2 seeds",
            [
                "Undecided, which does not mean equal: p = 0.795; ahead in 50% of the seeds, 0.95 times the "
                "errors [0.13, 7.06].",
                "Such a study finds a difference of 24.50 points in 4 cases of 5; no number of seeds up to 1000 would "
                "find one as large as this so often.",
            ],
        ),
        (
            (0.95,),
            "tin200 − random: +5.00 points test/oa over 1 seed",
            ["No interval: it takes two seeds that both arms have."],
        ),
    ],
)
def test_difference_in_sentences(record: Make, oa: tuple[float, ...], line: str, lines: list[str]) -> None:
    difference = differences(record, *oa)[0]
    assert difference_line(difference, percent=True) == line
    assert list(verdict_lines(difference, 1, percent=True)) == lines


def test_difference_in_a_metric_that_is_no_percentage_and_without_pairs(record: Make) -> None:
    records = [record("tin200", 0, metrics={"test/kappa": 0.75}), record("random", 0, metrics={"test/kappa": 0.5})]
    kappa = summarise_study(records, ["source"], primary="test/kappa").differences[0]
    assert difference_line(kappa, percent=False) == "tin200 − random: +0.250 test/kappa over 1 seed"
    apart = summarise_study([record("tin200", 0), record("random", 1)], ["source"]).differences[0]
    assert (
        difference_line(apart, percent=True)
        == "tin200 − random: no seed in common in which test/oa is defined, no paired difference"
    )
    assert list(verdict_lines(apart, 1, percent=True)) == []


def test_a_family_is_named(record: Make) -> None:
    difference = differences(record, 0.94, 0.95, 0.96)[0]
    line, together = verdict_lines(difference, 3, percent=True)
    assert "p = 0.013 after Holm's correction for 3 comparisons; " in line
    assert together == "With all 3 comparisons in 95% intervals together: [+2.52, +7.48]."


def test_equal_differences_say_why_there_is_no_interval(record: Make) -> None:
    difference = differences(record, 0.95, 0.95)[0]
    assert difference_line(difference, percent=True) == "tin200 − random: +5.00 points test/oa over 2 seeds"
    assert list(verdict_lines(difference, 1, percent=True)) == [
        "No interval: the differences of all seeds are equal, which does not tell how far others would be."
    ]


def test_equivalence_is_within_the_margin(record: Make) -> None:
    difference = differences(record, 0.901, 0.899, 0.9)[0]
    equivalent = replace(
        difference, paired=replace(difference.paired, verdict="equivalent", margin=0.01, equivalence=0.021)
    )
    assert next(iter(verdict_lines(equivalent, 1, percent=True))).startswith(
        "Equivalent within ±1.00 points: p = 0.021; "
    )


@pytest.mark.promise("two-way intervals")
@pytest.mark.parametrize(
    ("covers", "images", "expected"),
    [
        (("seeds",), None, "2 seeds"),
        (("seeds", "test images"), 1300, "2 seeds and 1,300 test images"),
        (("seeds", "splits"), None, "2 seeds and their splits"),
        (("seeds", "splits", "test images"), 300, "2 seeds, their splits and 300 test images"),
        (("seeds", "splits", "test images"), None, "2 seeds, their splits and their test images"),
    ],
)
def test_what_an_interval_covers_is_said(
    record: Make, covers: tuple[str, ...], images: int | None, expected: str
) -> None:
    paired = differences(record, 0.91, 0.92)[0].paired
    assert covered(replace(paired, covers=covers, images=images)) == expected


@pytest.mark.promise("near-duplicates within test")
@pytest.mark.parametrize("origin", [BY_OPTION, BY_LOOKS])
def test_what_makes_groups_is_said(record: Make, origin: str) -> None:
    paired = differences(record, 0.91, 0.92)[0].paired
    grouped = replace(paired, covers=("seeds", "test images"), images=9010, groups=8900, groups_by=origin)
    assert covered(grouped) == f"2 seeds and 8,900 groups of 9,010 test images ({origin})"
    assert (BY_OPTION, BY_LOOKS) == ("data.group", "near-duplicates found by the audit")
