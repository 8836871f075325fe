"""The changes under which a copy of an image is still looked for: it was mirrored, or a margin was cut off, or both."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

KEPT = 0.94
"""Share of an image's height and width that is left by the crops; see `near_duplicates.CHANGED`."""

SPANS = ((0.0, 1.0), (0.0, KEPT), ((1 - KEPT) / 2, (1 + KEPT) / 2), (1 - KEPT, 1.0))
"""What may be left of an axis: all of it, its beginning, middle or end."""


@dataclass(frozen=True)
class Change:
    """What was done to an image.

    Args:
        mirrored: Whether left and right were exchanged, of what was left.
        down: Which of `SPANS` was left of its height.
        across: Which of its width.
    """

    mirrored: bool
    down: int
    across: int

    @property
    def cropped(self) -> bool:
        """Whether something was cut off."""
        return self.down > 0 or self.across > 0


def _changes(mirrored: bool) -> list[Change]:
    cut = range(1, len(SPANS))
    return [Change(mirrored, 0, 0), *(Change(mirrored, down, across) for down, across in product(cut, cut))]


CHANGES = (*_changes(mirrored=False), *_changes(mirrored=True))
"""None first; then nine crops; then the same in the same order, mirrored."""


@functools.cache
def resampling(side: int) -> NDArray[np.float64]:
    """(spans, side, side): each matrix takes the pixels of an axis to as many of one of `SPANS`, bilinearly."""
    low, high = np.array(SPANS).T[:, :, None]
    centres = low + (np.arange(side) + 0.5) / side * (high - low)
    places = (centres * side - 0.5).clip(0, side - 1)
    weights: NDArray[np.float64] = np.maximum(1 - np.abs(places[:, :, None] - np.arange(side)), 0)
    return weights


def changed(thumbnails: NDArray[np.uint8], change: Change) -> NDArray[np.float32]:
    """(N, side, side) thumbnails of the same images after a change."""
    left = resampling(thumbnails.shape[-1]).astype(np.float32)
    found: NDArray[np.float32] = left[change.down] @ thumbnails.astype(np.float32) @ left[change.across].T
    return found[:, :, ::-1] if change.mirrored else found
