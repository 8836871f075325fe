from __future__ import annotations

import numpy as np
import pytest

from tlbench.statistics.bootstrap import image_variance, image_weights


def mean_of(scores: np.ndarray):
    return lambda weights: weights @ scores / weights.sum(1)


def test_variance_of_a_mean_is_that_of_its_formula() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (3, 200)), rng.normal(0, 1, (3, 200))
    found = image_variance([mean_of(x) for x in a], [mean_of(x) for x in b], np.arange(200), seed=1, repeats=20_000)
    d = (a - b).mean(0)
    assert found == pytest.approx(d.var() / 200, rel=0.03)  # 20,000 draws: the variance itself within 1 %


def test_both_arms_and_all_seeds_get_the_same_images() -> None:
    scores = np.random.default_rng(0).normal(0, 1, 50)
    assert image_variance([mean_of(scores)], [mean_of(scores)], np.arange(50), seed=1, repeats=100) == 0


def test_images_of_a_group_are_drawn_together() -> None:
    groups = np.repeat(np.arange(10), 5)
    weights = image_weights(groups, seed=0, repeats=40)
    assert weights.shape == (40, 50)
    assert (weights.reshape(40, 10, 5) == weights.reshape(40, 10, 5)[:, :, :1]).all()
    assert (weights[:, ::5].sum(1) == 10).all()
    # Five copies of one image say no more than the image.
    scores = np.random.default_rng(0).normal(0, 1, 10)
    copied = image_variance([mean_of(scores[groups])], [mean_of(np.zeros(50))], groups, seed=3, repeats=500)
    single = image_variance([mean_of(scores)], [mean_of(np.zeros(10))], np.arange(10), seed=3, repeats=500)
    assert copied == pytest.approx(single, rel=1e-9)


def test_draws_follow_from_the_seed() -> None:
    groups = np.arange(7)
    assert (image_weights(groups, 5, 9) == image_weights(groups, 5, 9)).all()
    assert (image_weights(groups, 5, 9) != image_weights(groups, 6, 9)).any()
