from __future__ import annotations

import pytest

from tlbench.adaptation.schedule import schedule


def test_warm_up_is_linear_and_the_first_step_moves():
    factor = schedule("constant", warmup_steps=4, total_steps=10)
    assert [factor(s) for s in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])


def test_cosine_starts_at_one_after_the_warm_up_halves_in_the_middle_and_ends_at_zero():
    factor = schedule("cosine", warmup_steps=2, total_steps=12)
    assert factor(2) == pytest.approx(1.0)
    assert factor(7) == pytest.approx(0.5)
    assert factor(12) == pytest.approx(0.0)
    assert factor(13) == pytest.approx(0.0)


def test_warm_up_over_the_whole_run_never_divides_by_zero():
    factor = schedule("cosine", warmup_steps=5, total_steps=5)
    assert [factor(s) > 0 for s in range(5)] == [True] * 5
