"""Masks as pixels: polygons filled, and what lies along a mask's edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

Bounds = tuple[int, int, int, int]
"""`x1 y1 x2 y2` of what is in columns from x1 up to x2 and rows from y1 up to y2."""


def filled(polygons: Sequence[NDArray[np.floating]], height: int, width: int) -> NDArray[np.bool_]:
    """(H, W) the pixels whose centres lie in one of the polygons; one that crosses itself is filled by parity.

    Args:
        polygons: Each (K, 2), x and y in pixels from the image's top left corner; may reach out of it.
        height: H.
        width: W.
    """
    inside = np.zeros((height, width), dtype=bool)
    for polygon in polygons:
        crossed = np.zeros((height, width + 1), dtype=np.int64)
        for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            low, high = sorted((y1, y2))
            rows = np.arange(max(np.ceil(low - 0.5), 0), min(np.ceil(high - 0.5), height), dtype=np.int64)
            if len(rows):  # centres at low ≤ y < high: a corner belongs to one of its two edges
                x = x1 + (rows + 0.5 - y1) * (x2 - x1) / (y2 - y1)
                crossed[rows, np.ceil(x - 0.5).clip(0, width).astype(np.int64)] += 1
        inside |= crossed.cumsum(axis=1)[:, :width] % 2 == 1
    return inside


@dataclass(frozen=True, eq=False)
class Region:
    """The part of an image where a mask is.

    Args:
        rows: Of the image.
        columns: Likewise.
        inside: (h, w) the mask there.
        edge: (h, w) its pixels next to what is outside, or to the image's border.
        rim: (h, w) the pixels outside, next to it.
        bounds: The mask's, in the image.
    """

    rows: slice
    columns: slice
    inside: NDArray[np.bool_]
    edge: NDArray[np.bool_]
    rim: NDArray[np.bool_]
    bounds: Bounds


def region(mask: NDArray[np.bool_], line: int, rim: int) -> Region | None:
    """Where a mask is; None where it is empty.

    Args:
        mask: (H, W).
        line: How wide the edge is, pixels.
        rim: How wide the rim is.
    """
    ys, xs = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if len(ys) == 0:
        return None
    rows, columns = (slice(max(at[0] - rim, 0), at[-1] + 1 + rim) for at in (ys, xs))
    inside = mask[rows, columns]
    eroded = ~_grown(np.pad(~inside, line, constant_values=True), line)[line:-line, line:-line]
    bounds = (int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1)
    return Region(rows, columns, inside, inside & ~eroded, _grown(inside, rim) & ~inside, bounds)


def _grown(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    grown: NDArray[np.bool_] = maximum_filter(mask, size=2 * by + 1, mode="constant", cval=False)
    return grown
