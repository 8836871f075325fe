"""From an upright RGB image to pixels of a wanted size, by one of the fits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tlbench.config.data import Fit
from tlbench.config.size import Size
from tlbench.geometry.fits import GREY, at_least, kept_size, taken_of

Region = tuple[float, float, float, float]
"""Top, left, height and width of a part of the result, as fractions of its height and width."""

WHOLE: Region = (0.0, 0.0, 1.0, 1.0)

# A JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves this many pixels for each wanted one, as in Pillow's thumbnail
_REDUCING_GAP = 2.0


def resized_part(
    image: Image.Image, size: Size, fit: Fit, region: Region = WHOLE, shape: Size | None = None
) -> NDArray[np.uint8]:
    """Bring a part of what is taken of an image to the wanted size (bilinear, antialiased).

    Args:
        image: RGB.
        size: Height and width of the result, pixels.
        fit: `crop`: the largest part of that shape, in the middle; `squash`: the whole image, its aspect ratio
            lost; `pad`: the whole image between black bars. (The corners are `fitted`'s alone.)
        region: The part of it.
        shape: A size of the shape that the image takes, of which the result shows the part; None: the result's.

    Returns:
        (height, width, 3) uint8, RGB.
    """
    width, height = taken_of(image.size, shape or size, fit)
    if fit == "pad" and (width, height) != image.size:
        image = ImageOps.pad(image, (width, height))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    y, x, h, w = region
    upper, lower = round(top + y * height), round(top + (y + h) * height)
    first, last = round(left + x * width), round(left + (x + w) * width)
    # cropped before it is resized, as what lies outside must not shine through
    image = image.crop((first, upper, max(last, first + 1), max(lower, upper + 1)))
    return np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR))


def fitted(
    rgb: Image.Image, own: Size, size: Size, fit: Fit, region: Region = WHOLE, shape: Size | None = None
) -> NDArray[np.uint8]:
    """A part of an image in the wanted size, of which `own` is the height and width as a file; as `decode_fitted`."""
    if fit not in ("corner", "corner_aliased", "native"):
        return resized_part(rgb, size, fit, region, shape)
    height, width = kept_size(*own, size, fit)
    pixels = np.full((*at_least(size, (height, width)), 3), GREY, np.uint8)
    if fit == "native":
        resized = rgb
    elif fit == "corner":
        resized = rgb.resize((width, height), Image.Resampling.BILINEAR)
    else:  # what shrinks images in Pillow's `resize` averages; its `transform` does not
        box = (0, 0, *rgb.size)
        resized = rgb.transform((width, height), Image.Transform.EXTENT, box, Image.Resampling.BILINEAR)
    pixels[:height, :width] = np.asarray(resized)
    return pixels


def reduce(image: Any, own: Size, size: Size, fit: Fit, region: Region, shape: Size | None = None) -> None:
    """Let a JPEG be decoded at a fraction of its size where the result needs no more; `own` is its upright size."""
    width, height = taken_of(own[::-1], shape or size, fit)
    spare = min(region[3] * width / (_REDUCING_GAP * size[1]), region[2] * height / (_REDUCING_GAP * size[0]))
    if spare >= 2:
        image.draft("RGB", (max(int(image.width / spare), 1), max(int(image.height / spare), 1)))
