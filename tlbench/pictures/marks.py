"""What can be drawn on an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True, eq=False, kw_only=True)
class _Mark:
    """Something to be drawn on an image, in its pixels.

    Args:
        colour: `#RRGGBB`, such as `class_colour` gives.
        label: What is written at it; empty: nothing.
        value: What is written behind the label, and stays whole where that is shortened.
        dashed: Whether its outline is.
        thin: Draw the finest line, without a rim.
        below: Whether the label goes below rather than above.
    """

    colour: str
    label: str = ""
    value: str = ""
    dashed: bool = False
    thin: bool = False
    below: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Box(_Mark):
    """A frame within a box.

    Args:
        corners: `x1 y1 x2 y2`, pixels from the image's top left corner.
    """

    corners: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False, kw_only=True)
class Mask(_Mark):
    """A translucent surface with an outline within it.

    Args:
        shape: (H, W) bool as the image; or polygons, each (K, 2) x and y in pixels from the image's top left corner,
            which cover the pixels whose centres lie in one of them.
    """

    shape: NDArray[np.bool_] | Sequence[NDArray[np.floating]]


Mark = Box | Mask


def resized(mark: Mark, old: tuple[int, int], new: tuple[int, int]) -> Mark:
    """A mark of an image of the old height and width, for one of the new ones."""
    factor = np.array([new[1] / old[1], new[0] / old[0]])
    if isinstance(mark, Box):
        x1, y1, x2, y2 = (np.array(mark.corners) * np.tile(factor, 2)).tolist()
        return replace(mark, corners=(x1, y1, x2, y2))
    if isinstance(mark.shape, np.ndarray):
        nearest = Image.fromarray(mark.shape).resize(new[::-1], Image.Resampling.NEAREST)
        return replace(mark, shape=np.asarray(nearest))
    return replace(mark, shape=[polygon * factor for polygon in mark.shape])
