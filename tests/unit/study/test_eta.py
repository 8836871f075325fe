"""How long a study's runs take still."""

from __future__ import annotations

import pytest

from tlbench.study.eta import Durations, duration, time_left


@pytest.mark.parametrize(
    ("running", "waiting", "at_a_time", "left"),
    [
        ([], [], 1, 0),
        ([30.0], [], 1, 30),
        ([30.0], [100.0, 100.0], 1, 230),
        ([30.0, 10.0], [100.0], 2, 110),
        ([30.0, 10.0], [100.0, 50.0, 5.0], 2, 110),  # 10 + 100 beside 30 + 50 + 5
        ([], [100.0, 100.0, 100.0], 2, 200),
        ([30.0, 10.0, 20.0], [5.0], 2, 30),  # more at work than this command starts
        ([None], [], 1, None),
        ([30.0], [None], 1, None),
    ],
)
def test_who_waits_begins_where_a_place_becomes_free_first(running, waiting, at_a_time, left):
    assert time_left(running, waiting, at_a_time) == left


def test_a_run_takes_what_those_alike_took_else_running_ones_alike_else_all():
    durations = Durations()
    assert durations.of("a") is None
    assert durations.of("a", Durations([("b", 8.0), ("c", 4.0)])) == 6.0
    durations.add("b", 10.0)
    durations.add("b", 20.0)
    assert durations.of("b", Durations([("b", 99.0)])) == 15.0
    assert durations.of("a", Durations([("a", 99.0), ("a", 97.0)])) == 98.0
    assert durations.of("a", Durations([("c", 99.0)])) == 15.0


def test_durations_are_said_in_the_unit_that_fits():
    assert [duration(s) for s in (0.0, 1.4, 89.4, 95.0, 5399.0, 9000.0)] == [
        "1 s",
        "1 s",
        "89 s",
        "2 min",
        "1.5 h",
        "2.5 h",
    ]
