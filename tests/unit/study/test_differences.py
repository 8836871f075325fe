from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tlbench.statistics.spread import Spread, summarise
from tlbench.study.differences import paired_difference
from tlbench.study.verdicts import with_verdicts


@pytest.mark.promise("paired differences")
@pytest.mark.parametrize("n", [2, 3, 30])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_equals_scipys_paired_t_test(n: int, confidence: float) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.normal(0.9, 0.02, n), rng.normal(0.89, 0.02, n)
    paired = paired_difference(dict(enumerate(a)), dict(enumerate(b)), confidence)
    reference = stats.ttest_rel(a, b)
    interval = reference.confidence_interval(confidence)
    assert (paired.low, paired.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert paired.p == pytest.approx(reference.pvalue, abs=1e-12)
    assert (paired.mean, paired.std, paired.n) == pytest.approx((np.mean(a - b), np.std(a - b, ddof=1), n), abs=1e-12)


def test_seeds_without_a_partner_are_reported() -> None:
    paired = paired_difference({0: 1.0, 1: 2.0, 5: 9.0}, {4: 7.0, 1: 0.5, 0: 0.0, 3: 7.0})
    assert (paired.n, paired.mean, paired.only_a, paired.only_b) == (2, 1.25, (5,), (3, 4))


def test_too_few_pairs_give_no_interval() -> None:
    one, none = paired_difference({0: 0.5}, {0: 0.25}), paired_difference({0: 0.5}, {1: 0.25})
    assert (one.mean, one.std, one.low, one.high, one.p, one.verdict) == (0.25, None, None, None, None, None)
    assert (none.n, none.mean, none.low) == (0, None, None)
    assert summarise([]) == Spread(None, None, 0)
    assert summarise([0.5]) == Spread(0.5, None, 1)


@pytest.mark.promise("equal differences")
@pytest.mark.parametrize("shift", [0.25, 0.0, -0.25, 0.005])
def test_equal_differences_of_unknown_grain_give_no_interval_and_no_verdict(shift: float) -> None:
    paired = paired_difference({0: 0.9 + shift, 1: 0.93 + shift, 2: 0.1 + shift}, {0: 0.9, 1: 0.93, 2: 0.1})
    assert (paired.mean, paired.std, paired.n) == (pytest.approx(shift), 0, 3)
    assert (paired.low, paired.high, paired.p, paired.error) == (None, None, None, None)
    assert with_verdicts([paired])[0] == paired


def test_a_lower_loss_is_better() -> None:
    paired = paired_difference({0: 0.1, 1: 0.11, 2: 0.1}, dict.fromkeys(range(3), 0.5), higher_is_better=False)
    assert (paired.ahead, paired.mean) == (1, pytest.approx(-0.3967, abs=1e-4))
    assert with_verdicts([paired], higher_is_better=False)[0].verdict == "better"
    assert with_verdicts([paired])[0].verdict == "worse"


def test_verdicts_go_by_the_family() -> None:
    b = dict.fromkeys(range(4), 0.5)
    close = paired_difference({0: 0.51, 1: 0.53, 2: 0.52, 3: 0.54}, b)
    assert close.p == pytest.approx(0.0305, abs=1e-3)
    assert with_verdicts([close])[0].verdict == "better"
    first, second = with_verdicts([close, close])
    assert (first.verdict, second.verdict) == ("undecided", "undecided")
    assert first.holm == pytest.approx(2 * close.p)
    # One without interval counts for nothing.
    lone = paired_difference({0: 0.9}, {0: 0.5})
    assert [each.verdict for each in with_verdicts([close, lone])] == ["better", None]


def test_a_margin_makes_equivalence_known() -> None:
    b = dict.fromkeys(range(5), 0.5)
    alike = paired_difference({0: 0.501, 1: 0.499, 2: 0.5, 3: 0.5005, 4: 0.4995}, b)
    assert with_verdicts([alike])[0].verdict == "undecided"
    assert with_verdicts([alike], margin=0.01)[0].verdict == "equivalent"
    assert with_verdicts([alike], margin=0.0005)[0].verdict == "undecided"


def test_equivalence_goes_by_the_family_as_well() -> None:
    b = dict.fromkeys(range(5), 0.5)
    alike = paired_difference({0: 0.501, 1: 0.499, 2: 0.5, 3: 0.5005, 4: 0.4995}, b)
    (one,) = with_verdicts([alike], margin=0.0009)
    two = with_verdicts([alike, alike], margin=0.0009)
    assert (one.verdict, [each.verdict for each in two]) == ("equivalent", ["undecided", "undecided"])
    assert two[0].equivalence == pytest.approx(2 * one.equivalence)


def test_intervals_hold_together_where_they_are_several() -> None:
    b = dict.fromkeys(range(3), 0.5)
    a = paired_difference({0: 0.52, 1: 0.50, 2: 0.51}, b)
    (one,), (first, _) = with_verdicts([a]), with_verdicts([a, a])
    assert one.simultaneous == pytest.approx((a.low, a.high))
    wider = paired_difference({0: 0.52, 1: 0.50, 2: 0.51}, b, 0.975)
    assert first.simultaneous == pytest.approx((wider.low, wider.high))


def test_what_would_be_needed() -> None:
    paired = paired_difference({0: 0.52, 1: 0.50, 2: 0.51}, dict.fromkeys(range(3), 0.5))
    (judged,) = with_verdicts([paired])
    assert judged.detectable == pytest.approx(3.264 * 0.01, abs=1e-5)
    assert judged.seeds_needed == 38  # by a spread of 0.0212, its upper limit
    assert with_verdicts([paired, paired])[0].seeds_needed == pytest.approx(46, abs=1)


def test_confidence_is_a_fraction() -> None:
    with pytest.raises(ValueError, match="confidence=95"):
        paired_difference({}, {}, 95)


@pytest.mark.parametrize("wide", ["seeds", "images"])
def test_at_each_confidence_the_wider_of_both_intervals_counts(wide: str) -> None:
    """Over three seeds alone, and over test images too with fewer seeds' weight: which is the wider changes."""
    seeds, images = (1.0, 2.0), (2.0, 50.0)  # half widths 4.30 and 4.02 at 95 %, 2.92 and 3.35 at 90 %
    error, df = seeds if wide == "seeds" else images
    other = images if wide == "seeds" else seeds
    plain = paired_difference({0: 0.9, 1: 1.0, 2: 1.1}, dict.fromkeys(range(3), 0.0))
    paired = replace(plain, error=error, df=df, narrower=other)
    (found,) = with_verdicts([paired], margin=4.2)
    outside = [max(stats.t.sf((4.2 + m) / e, d) for m in (-1.0, 1.0)) for e, d in (seeds, images)]
    assert found.equivalence == pytest.approx(max(outside))
    first = with_verdicts([paired] * 6)[0]
    p = [2 * stats.t.sf(1.0 / e, d) for e, d in (seeds, images)]
    assert first.holm == pytest.approx(min(6 * max(p), 1))
    assert first.simultaneous == pytest.approx(stats.t.interval(1 - 0.05 / 6, 2, 1.0, 1.0))


def test_one_interval_is_known_by_no_other() -> None:
    assert paired_difference({0: 0.9, 1: 1.0, 2: 1.1}, dict.fromkeys(range(3), 0.0)).narrower is None
