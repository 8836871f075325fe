"""Which values the trials try."""

from __future__ import annotations

import math
import sys

import pytest

from tlbench.errors import ConfigError
from tlbench.study.sampler import SPREAD_TRIALS, Sampler

LR = {"optimizer.lr": [1e-5, 0.1]}
BOTH = {**LR, "optimizer.weight_decay": [1e-6, 0.5]}


def asked(trials, ranges=LR, seed=0, mode="max", told=lambda values: -abs(math.log10(values["optimizer.lr"]) + 2.5)):
    """What is asked for, each told its distance from a best learning rate of 10^-2.5."""
    sampler, values = Sampler(ranges, seed, mode), []
    for _ in range(trials):
        values.append(sampler.ask())
        sampler.tell(told(values[-1]))
    return values


def places(values, key="optimizer.lr", ranges=BOTH):
    low, high = ranges[key]
    return [math.log(v[key] / low) / math.log(high / low) for v in values]


def test_the_first_trials_lie_evenly_on_a_log_scale_from_the_middle_on():
    assert asked(1) == [{"optimizer.lr": 0.001}]
    for trials in (3, 5, SPREAD_TRIALS):
        found = sorted(places(asked(trials)))
        gaps = [b - a for a, b in zip([0, *found], [*found, 1], strict=True)]
        assert max(gaps) < 2.1 / (trials + 1), trials
    both = asked(SPREAD_TRIALS, BOTH)
    for key in BOTH:  # each quarter of each range has its share
        quarters = [int(4 * place) for place in places(both, key)]
        assert [quarters.count(q) for q in range(4)] == pytest.approx([2] * 4, abs=1), key
    lr, weight_decay = places(both), places(both, "optimizer.weight_decay")
    assert len({(int(2 * a), int(2 * b)) for a, b in zip(lr, weight_decay, strict=True)}) == 4


def test_later_ones_close_in_on_the_best():
    early, late = (places(part) for part in (asked(16)[:8], asked(16)[8:]))
    best = places([{"optimizer.lr": 10**-2.5}])[0]
    assert sum(abs(p - best) for p in late) < sum(abs(p - best) for p in early)


def test_values_are_a_function_of_the_seed_and_of_what_was_told_and_more_trials_begin_alike():
    assert asked(12) == asked(14)[:12]
    assert asked(12, seed=1)[:8] == asked(12)[:8]
    assert asked(12, seed=1) != asked(12)
    assert asked(12, told=lambda values: values["optimizer.lr"])[8:] != asked(12)[8:]


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_failed_trial_counts_as_the_worst(mode):
    sign = 1 if mode == "max" else -1

    def fails_above(limit):
        return lambda v: None if v["optimizer.lr"] > limit else sign * math.log(v["optimizer.lr"])

    late = asked(20, mode=mode, told=fails_above(3e-4))[SPREAD_TRIALS:]
    assert sum(values["optimizer.lr"] <= 3e-4 for values in late) > len(late) / 2


def test_values_have_three_digits_and_stay_in_the_range():
    ranges = {"optimizer.lr": [1.23456e-3, 1.23999e-3]}
    for values in asked(12, ranges):
        low, high = ranges["optimizer.lr"]
        assert low <= values["optimizer.lr"] <= high
    assert all(float(f"{v['optimizer.lr']:.3g}") == v["optimizer.lr"] for v in asked(12))


def test_without_optuna_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"tune: needs Optuna.*pip install 'tlbench\[tune\]'"):
        Sampler(LR, 0, "max")
