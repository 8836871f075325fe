"""Masks as runs of pixels, as COCO writes them: how many are outside, inside, outside …, column by column, left first.

Source: https://github.com/cocodataset/cocoapi (`common/maskApi.h`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def mask_of(runs: ArrayLike, height: int, width: int) -> NDArray[np.bool_]:
    """(height, width) bool, the mask of runs that make up height · width pixels."""
    lengths = np.asarray(runs, dtype=np.int64)
    inside = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return inside.reshape(width, height).T


def runs_of(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(R,) int32, the runs of a mask (height, width); the first is 0 where the first pixel is inside."""
    pixels = mask.T.ravel()
    edges = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    borders = np.concatenate([[0] * (1 + bool(len(pixels) and pixels[0])), edges, [len(pixels)]])
    return np.diff(borders).astype(np.int32)
