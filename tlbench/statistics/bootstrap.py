"""Draws of test images with replacement, for metrics that are no mean over images: mAP, mIoU, F1, kappa."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def image_weights(groups: NDArray[np.int64], seed: int | Sequence[int], draws: int) -> NDArray[np.float64]:
    """How often each image occurs in each draw; an image that is drawn twice counts as two.

    The variance of a metric over draws that all runs of a study share, of the mean over seeds of the difference of two
    arms, is the part of its error that comes from the test images (Efron 1979).

    Args:
        groups: (N,) for each image the index of what is drawn whole: itself, or its scene, patient or video.
        seed: Of the draws.
        draws: B.

    Returns:
        (B, N) ≥ 0; images of one group occur alike.
    """
    count = int(groups.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), draws)
    return drawn[:, groups].astype(float)
