from __future__ import annotations

import numpy as np
import pytest

from tlbench.statistics.effect import hedges_gz, superiority
from tlbench.statistics.multiplicity import holm, simultaneous
from tlbench.statistics.verdict import verdict


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.3, 0.9]) == pytest.approx([0.9, 0.9, 0.9])
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


def test_one_comparison_needs_no_wider_interval() -> None:
    assert simultaneous(0.95, 1) == pytest.approx(0.95)
    assert simultaneous(0.95, 5) == pytest.approx(0.99)


@pytest.mark.parametrize(
    ("mean", "p", "equivalence", "expected"),
    [
        (0.1, 0.049, None, "better"),
        (-0.1, 0.049, None, "worse"),
        (0.1, 0.05, None, "undecided"),
        (0.001, 0.9, None, "undecided"),
        (0.001, 0.9, 0.049, "equivalent"),
        (0.001, 0.9, 0.05, "undecided"),
        (0.0, 0.0, None, "undecided"),
        (0.1, 0.001, 0.001, "better"),
    ],
)
def test_verdict(mean: float, p: float, equivalence: float | None, expected: str) -> None:
    assert verdict(mean, p, 0.05, equivalence) == expected


def test_effect_size_is_corrected_for_few_pairs() -> None:
    d = [0.1, 0.2, 0.3, 0.4]
    assert hedges_gz(d) == pytest.approx(0.25 / np.std(d, ddof=1) * (1 - 3 / 11))
    assert hedges_gz([0.1, 0.2]) is None
    assert hedges_gz([0.5, 0.5, 0.5]) is None


def test_share_of_pairs_that_win() -> None:
    assert superiority([0.1, 0.0, -0.2, 0.3]) == 0.625
    assert superiority([]) is None
