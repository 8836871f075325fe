"""Where values stand on an axis, and how it is labelled."""

from __future__ import annotations

import pytest

from tlbench.reporting.axis import axis_of


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 10], ["0.0", "2.5", "5.0", "7.5", "10.0"]),
        ([92.1, 97.3], ["92", "94", "96"]),
        ([0.001, 0.0016], ["0.0010", "0.0012", "0.0014", "0.0016"]),
        ([-3, 1], ["−3", "−2", "−1", "0", "1"]),
        ([0, 1], ["0.00", "0.25", "0.50", "0.75", "1.00"]),
    ],
)
def test_labels_are_round_and_tell_values_apart(values, labels):
    assert [text for _, text in axis_of(values).ticks] == labels


@pytest.mark.parametrize("value", [0.0, 5.0, -0.3, 1e-9, 70.0])
def test_one_value_alone_stands_in_the_middle(value):
    assert axis_of([value]).share(value) == pytest.approx(0.5)


def test_all_values_and_what_is_to_be_seen_stand_on_it():
    axis = axis_of([4, 7], include=[0])
    assert 0 < axis.share(0) < axis.share(4) < axis.share(7) < 1
    assert axis.share(7) - axis.share(4) == pytest.approx(3 / (7 * 1.08))


def test_values_that_rounding_alone_tells_apart_are_one():
    assert [text for _, text in axis_of([70.0, 70 * (1 + 1e-15)]).ticks] == ["68", "70", "72"]


@pytest.mark.parametrize(("last", "labels"), [(1, ["1"]), (3, ["1", "2", "3"]), (10, ["2", "4", "6", "8", "10"])])
def test_epochs_are_whole(last, labels):
    assert [text for _, text in axis_of(range(1, last + 1), whole=True).ticks] == labels
