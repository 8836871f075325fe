"""From an upright RGB image to a square of pixels, by one of the fits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tlbench.config.data import Fit
from tlbench.geometry.fits import GREY, inside_size, square_of

Region = tuple[float, float, float, float]
"""Top, left, height and width of a part of the square, as fractions of its side."""

WHOLE: Region = (0.0, 0.0, 1.0, 1.0)

# A JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves this many pixels for each wanted one, as in Pillow's thumbnail
_REDUCING_GAP = 2.0


def to_square(image: Image.Image, side: int, fit: Fit, region: Region = WHOLE) -> NDArray[np.uint8]:
    """Bring a part of an image's square to the wanted side (bilinear, antialiased).

    Args:
        image: RGB.
        side: Height and width of the result, pixels.
        fit: `crop`: the largest square in the middle; `squash`: the whole image, its aspect ratio lost; `pad`: the
            whole image between black bars. (The corners are `decode_square`'s alone.)
        region: The part of the square.

    Returns:
        (side, side, 3) uint8, RGB.
    """
    if fit == "pad" and image.width != image.height:
        longer = max(image.size)
        image = ImageOps.pad(image, (longer, longer))
    width, height = square_of(image.size, fit)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    y, x, h, w = region
    upper, lower = round(top + y * height), round(top + (y + h) * height)
    first, last = round(left + x * width), round(left + (x + w) * width)
    # cropped before it is resized, as what lies outside must not shine through
    image = image.crop((first, upper, max(last, first + 1), max(lower, upper + 1)))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def squared(rgb: Image.Image, size: tuple[int, int], side: int, fit: Fit, region: Region) -> NDArray[np.uint8]:
    """A square of an image of which `size` is the height and width."""
    if fit not in ("corner", "corner_aliased"):
        return to_square(rgb, side, fit, region)
    height, width = inside_size(*size, side)
    square = np.full((side, side, 3), GREY, np.uint8)
    if fit == "corner":
        resized = rgb.resize((width, height), Image.Resampling.BILINEAR)
    else:  # what shrinks images in Pillow's `resize` averages; its `transform` does not
        box = (0, 0, *rgb.size)
        resized = rgb.transform((width, height), Image.Transform.EXTENT, box, Image.Resampling.BILINEAR)
    square[:height, :width] = np.asarray(resized)
    return square


def reduce(image: Any, side: int, fit: Fit, region: Region) -> None:
    """Let a JPEG be decoded at a fraction of its size where the result needs no more."""
    width, height = square_of(image.size, fit)
    spare = min(region[3] * width, region[2] * height) / (_REDUCING_GAP * side)
    if spare >= 2:
        image.draft("RGB", (max(int(image.width / spare), 1), max(int(image.height / spare), 1)))
