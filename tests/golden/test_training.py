"""The first two steps on digits, on a CPU, seed 0: frozen numbers that only a change of the training itself may move.

The tolerance is ten times what other instruction sets, thread counts and MKL's kernels differ by.
"""

from __future__ import annotations

import pytest

LOSSES = {
    "tin200": [2.4400184, 2.1103230],
    "random": [2.5746579, 2.3820550],
}
HEAD = {
    "tin200": [-0.020179963, 0.018811101, 0.037741266, 0.022438494],
    "random": [-0.020131014, 0.018493848, 0.037405089, 0.022407340],
}
"""The first weights of the head after both steps; before them they are START, from either source."""

START = [-0.020315496, 0.018677866, 0.037556220, 0.022368507]


@pytest.mark.promise("experiments and golden values")
@pytest.mark.parametrize("source", LOSSES)
def test_losses_and_head(fits, source):
    fit = fits[source]
    assert fit.losses[:2] == pytest.approx(LOSSES[source], rel=1e-4)
    assert fit.heads[0][0, :4].tolist() == pytest.approx(START, rel=1e-6)
    assert fit.heads[2][0, :4].tolist() == pytest.approx(HEAD[source], rel=1e-4)
