"""How an image becomes pixels of a wanted size, in numbers alone: for what decodes it, and for what places it later."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tlbench.config.data import Fit
from tlbench.config.size import Size

GREY = 114
"""What lies beside an image that does not fill its rectangle, as in YOLO; all three channels."""


def inside_size(height: int, width: int, size: Size) -> Size:
    """Height and width to which an image is brought so that it is as large as fits inside a rectangle, pixels.

    One side fills the rectangle's; the other is the next whole pixel up.
    """
    factor = min(size[0] / height, size[1] / width)
    return min(math.ceil(height * factor), size[0]), min(math.ceil(width * factor), size[1])


def kept_size(height: int, width: int, size: Size, fit: Fit) -> Size:
    """Height and width of an image once it lies in the corner of a rectangle: its own where it is kept at these."""
    return (height, width) if fit == "native" else inside_size(height, width, size)


def at_least(size: Size, other: Size) -> Size:
    """Height and width of the smallest rectangle that holds both."""
    return max(size[0], other[0]), max(size[1], other[1])


def taken_of(image: tuple[int, int], size: Size, fit: Fit) -> tuple[int, int]:
    """What of an image becomes a rectangle, by width and height in pixels of the image.

    Args:
        image: The image's width and height.
        size: The rectangle.
        fit: `crop`: the largest part of the rectangle's shape; `squash`: all; the others: the smallest of that shape
            that holds all. The side that follows from the other is rounded.
    """
    (width, height), (wanted_height, wanted_width) = image, size
    if fit == "squash":
        return image
    too_wide = width * wanted_height > height * wanted_width
    if too_wide == (fit == "crop"):  # the height stays
        return max(round(height * wanted_width / wanted_height), 1), height
    return width, max(round(width * wanted_height / wanted_width), 1)


def small_size(size: Size, side: int) -> Size:
    """Height and width of an image in small: of the same shape, and about as many pixels as a square of that side."""
    shape = math.sqrt(size[0] / size[1])
    return max(round(side * shape), 1), max(round(side / shape), 1)


def nearest(size: int, wanted: int) -> NDArray[np.int64]:
    """(wanted,): of so many pixels in a row, the one that lies nearest to each of those that they are brought to."""
    places: NDArray[np.int64] = np.minimum((np.arange(wanted) + 0.5) * (size / wanted), size - 1).astype(np.int64)
    return places
