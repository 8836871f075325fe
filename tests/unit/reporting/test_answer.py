"""A comparison in one sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tlbench.reporting.answer import answer
from tlbench.study.comparisons import Difference
from tlbench.study.differences import paired_difference
from tlbench.study.verdicts import with_verdicts


def difference(values, *, margin=None, better="max", of=1):
    pairs = paired_difference(dict(enumerate(values)), dict.fromkeys(range(len(values)), 0.0))
    judged = with_verdicts([pairs] * of, margin=margin, higher_is_better=better == "max")[0]
    return Difference("tin200", "random", "test/oa", judged)


@pytest.mark.promise("a study's report")
@pytest.mark.parametrize(
    ("values", "options", "sentence"),
    [
        (
            [0.03, 0.05],
            {},
            "Whether tin200 is better or worse than random is undecided, which does not mean equal: +4.00 points "
            "test/oa, 95% interval [−8.71, +16.71] over 2 seeds (p = 0.156).",
        ),
        (
            [0.03, 0.031, 0.032],
            {},
            "tin200 is better than random by 3.10 points test/oa, 95% interval [+2.85, +3.35] over 3 seeds (p "
            "< 0.001).",
        ),
        (
            [-0.03, -0.031, -0.032],
            {"of": 3},
            "tin200 is worse than random by 3.10 points test/oa, 95% interval [−3.35, −2.85] over 3 seeds (p = 0.001, "
            "after Holm's correction for 3 comparisons).",
        ),
        (
            [0.001, 0.0, -0.001],
            {"margin": 0.02},
            "tin200 and random are equivalent within ±2.00 points test/oa: +0.00 points test/oa, 95% interval [−0.25, "
            "+0.25] over 3 seeds (p < 0.001).",
        ),
        ([0.03], {}, "tin200 − random: +3.00 points test/oa over 1 seed."),
    ],
)
def test_the_verdict_with_its_interval_and_what_that_covers(values, options, sentence):
    assert answer(difference(values, **options), options.get("of", 1), percent=True) == sentence


def test_of_a_metric_that_is_no_percentage():
    d = replace(difference([0.3, 0.31, 0.32], better="min"), metric="test/loss")
    assert answer(d, 1, percent=False).startswith(
        "tin200 is worse than random by 0.310 test/loss, 95% interval [+0.285"
    )
