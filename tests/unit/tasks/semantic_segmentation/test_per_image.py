from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from tlbench.tasks.semantic_segmentation.per_image import read

IMAGES, CLASSES, PIXELS = 8, 4, 40


def maps() -> tuple[np.ndarray, np.ndarray]:
    """True and found classes, (8, 40) each; the last class is never true, two images are of one class alone."""
    rng = np.random.default_rng(0)
    true, found = rng.integers(0, 3, (IMAGES, PIXELS)), rng.integers(0, CLASSES, (IMAGES, PIXELS))
    true[:2] = 1
    return true, np.where(rng.random((IMAGES, PIXELS)) < 0.6, true, found)


def columns() -> dict[str, np.ndarray]:
    """As `SemanticSegmentationTask.predictions` gives them."""
    cells = [np.unique(t * CLASSES + f, return_counts=True) for t, f in zip(*maps(), strict=True)]
    count = np.array([len(of) for of, _ in cells])
    return {
        "count": count,
        "cells": np.concatenate([of for of, _ in cells]),
        "pixels": np.concatenate([pixels for _, pixels in cells]),
    }


def by_scikit_learn(true: np.ndarray, found: np.ndarray) -> dict[str, float]:
    return {
        "miou": sk.jaccard_score(true, found, average="macro"),
        "oa": sk.accuracy_score(true, found),
        "aa": sk.recall_score(true, found, average="macro", labels=np.unique(true)),
        "kappa": sk.cohen_kappa_score(true, found),
        "f1": sk.f1_score(true, found, average="macro"),
    }


@pytest.mark.promise("two-way intervals")
def test_each_image_once_gives_the_metrics_of_the_split() -> None:
    true, found = maps()
    per_image = read(columns(), CLASSES)
    assert (per_image.images, per_image.scores) == (IMAGES, {})
    assert per_image.metrics() == pytest.approx(by_scikit_learn(true.ravel(), found.ravel()), abs=1e-12)


@pytest.mark.promise("two-way intervals")
def test_an_image_that_counts_thrice_is_as_three_images() -> None:
    true, found = maps()
    weights = np.random.default_rng(1).integers(0, 4, (5, IMAGES))
    weights[0] = [2, 1, 0, 0, 0, 0, 0, 0]  # one true class
    values = read(columns(), CLASSES).weighted(weights.astype(float))
    for i, times in enumerate(weights):
        expected = by_scikit_learn(np.repeat(true, times, 0).ravel(), np.repeat(found, times, 0).ravel())
        assert {name: column[i] for name, column in values.items()} == pytest.approx(expected, abs=1e-12)


def test_the_details_count_pixels_and_say_how_many_of_an_image_are_right() -> None:
    true, found = maps()
    per_image = read(columns(), CLASSES)
    assert per_image.details is not None
    details = per_image.details(["ant", "bee", "cat", "dog"])
    np.testing.assert_array_equal(details.confusion(), sk.confusion_matrix(true.ravel(), found.ravel()))
    np.testing.assert_allclose(details.each, (true == found).mean(1), atol=1e-12)
    assert details.said(3) == f"{100 * (true[3] == found[3]).mean():.1f} % of its pixels right"
