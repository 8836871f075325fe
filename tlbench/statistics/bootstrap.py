"""The variance over test images of metrics that are no mean over images: mAP, mIoU, F1, kappa."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Weighted = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""A run's metric when each test image counts so often: (B, N) weights ≥ 0 → (B,) values."""


def image_variance(
    a: Sequence[Weighted], b: Sequence[Weighted], groups: NDArray[np.int64], seed: int, repeats: int = 1000
) -> float:
    """Variance of the mean over seeds of a − b when test images are drawn again with replacement.

    Every seed and both arms get the same images; an image that is drawn twice counts as two.

    Args:
        a: Of each seed of the first arm.
        b: Of the same seeds of the second.
        groups: (N,) for each image the index of what is drawn whole: itself, or its scene, patient or video.
        seed: Of the draws.
        repeats: B, at least 2.
    """
    weights = image_weights(groups, seed, repeats)
    differences = np.mean([x(weights) - y(weights) for x, y in zip(a, b, strict=True)], axis=0)
    return float(np.nanvar(differences, ddof=1))


def image_weights(groups: NDArray[np.int64], seed: int, repeats: int) -> NDArray[np.float64]:
    """(B, N) how often each image occurs in each draw; images of one group occur alike."""
    count = int(groups.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), repeats)
    return drawn[:, groups].astype(float)
