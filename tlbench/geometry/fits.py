"""How an image becomes a square of pixels, in numbers alone: for what decodes it, and for what places it later."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tlbench.config.data import Fit

GREY = 114
"""What lies beside an image that does not fill its square, as in YOLO; all three channels."""


def inside_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width to which an image is brought so that its longer side is `side`, pixels."""
    factor = side / max(height, width)
    return min(math.ceil(height * factor), side), min(math.ceil(width * factor), side)


def square_of(size: tuple[int, int], fit: Fit) -> tuple[int, int]:
    """Width and height of what becomes the square, in pixels of an image of a width and height."""
    return size if fit == "squash" else (min(size), min(size)) if fit == "crop" else (max(size), max(size))


def nearest(size: int, wanted: int) -> NDArray[np.int64]:
    """(wanted,): of so many pixels in a row, the one that lies nearest to each of those that they are brought to."""
    places: NDArray[np.int64] = np.minimum((np.arange(wanted) + 0.5) * (size / wanted), size - 1).astype(np.int64)
    return places
