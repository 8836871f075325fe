"""The first two steps on digits, on a CPU, seed 0: frozen numbers that only a change of the training itself may move.

The tolerance is ten times what other instruction sets, thread counts and MKL's kernels differ by.
"""

from __future__ import annotations

import pytest

LOSSES = {
    "tin200": [2.5100791, 2.4026039],
    "random": [2.7587490, 2.5557387],
}
HEAD = {
    "tin200": [-0.020500766, 0.018500425, 0.037422258, 0.022315655],
    "random": [-0.020480443, 0.018610381, 0.037497405, 0.022317044],
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
