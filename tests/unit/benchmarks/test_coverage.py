"""The simulation of intervals runs, of every kind of cell, and counts what it says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import coverage
from tlbench.study.differences import paired_difference


def test_runs_that_are_drawn_are_crossed_with_their_test_images():
    rng = np.random.default_rng(0)
    sides = [coverage.tested(coverage.of_scores(rng.random((3, 40)))) for _ in range(2)]
    values = [{s: float(run.images.per_image.metrics()["m"]) for s, run in side.items()} for side in sides]
    found = paired_difference(*values, 0.95, (sides[0], sides[1]), "test/m")
    assert found.covers == ("seeds", "test images")
    assert found.images == 40


@pytest.mark.parametrize("arms", [3])
def test_a_family_without_a_difference_is_seldom_told_one(arms):
    name, share = coverage.family(arms, 3, 100, 40)
    assert str(arms) in name
    assert share.repeats == 40
    assert share.hits <= 6
