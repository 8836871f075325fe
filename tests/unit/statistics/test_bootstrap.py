from __future__ import annotations

import numpy as np
import pytest

from tlbench.statistics.bootstrap import image_weights


def test_variance_of_a_mean_is_that_of_its_formula() -> None:
    d = np.random.default_rng(0).normal(0, 1, 200)
    weights = image_weights(np.arange(200), seed=1, draws=20_000)
    assert (weights.sum(1) == 200).all()
    assert np.var(weights @ d / 200) == pytest.approx(d.var() / 200, rel=0.03)  # of 20,000 draws within 1 %


def test_images_of_a_group_are_drawn_together() -> None:
    groups = np.repeat(np.arange(10), 5)
    weights = image_weights(groups, seed=0, draws=40)
    assert weights.shape == (40, 50)
    assert (weights.reshape(40, 10, 5) == weights.reshape(40, 10, 5)[:, :, :1]).all()
    assert (weights[:, ::5].sum(1) == 10).all()
    # Five copies of one image say no more than the image.
    scores = np.random.default_rng(0).normal(0, 1, 10)
    single = image_weights(np.arange(10), seed=0, draws=40)
    assert weights @ scores[groups] / 50 == pytest.approx(single @ scores / 10)


def test_draws_follow_from_the_seed() -> None:
    groups = np.arange(7)
    assert (image_weights(groups, 5, 9) == image_weights(groups, 5, 9)).all()
    assert (image_weights(groups, [5, 0], 9) != image_weights(groups, [5, 1], 9)).any()
