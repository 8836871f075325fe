"""From an image file's bytes to pixels of a wanted size: one way for training, evaluation and prediction.

Whatever the file is (grey, palette, transparent, 16 bits, rotated by EXIF), the result is upright 8-bit RGB. Only
Pillow and NumPy are needed here. Every image file that tlbench reads is opened by `open_image`, which keeps Pillow's
warnings for whoever asks for them (`tlbench.data.notes`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from tlbench.config import ImageLimit
from tlbench.config.data import Fit
from tlbench.config.size import Size
from tlbench.data.containers import container_of, is_grey
from tlbench.data.deep import ORIENTATION, WHITE, Deep, Ranges, Reopen, in_range, read_deep, upright
from tlbench.data.facts import Fact
from tlbench.data.fitting import WHOLE, Region, fitted, reduce
from tlbench.data.image_opening import (
    STANDARD,
    open_image,
    reason_of,
)
from tlbench.data.netpbm import is_stretched
from tlbench.data.notes import note, noted
from tlbench.data.tiff_tags import check_read
from tlbench.data.unreadable import UnreadableError

_ROTATED = (5, 6, 7, 8)  # EXIF orientations that swap width and height

_OF_MANY = {
    "TIFF": "of several pages the first alone is taken; save each that is to be used as a file of its own",
    **dict.fromkeys(("GIF", "WEBP", "PNG"), "animated, of which the first picture alone is taken"),
}


_OWN_OR_STRETCHED = (
    "a PGM or PPM of 9 to 15 bits, and the run's record does not say whether it took the values of such files as they "
    "are or stretched to 65535, as earlier versions did; repeat the run with rerun=true, or convert it to 8 bits"
)


@dataclass(frozen=True)
class Decoding:
    """What a file's pixels become depends on, beside their size and fit.

    Args:
        limit: Larger images are refused.
        fast: Whether a JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that leaves two pixels for each wanted one.
        ranges: Which values of more than 8 bits are black and white. None: as before they were found: 16 bits have all
            of 0 … 65535, of colours the higher byte is taken, and floating-point numbers are refused.
        own_values: Whether PGM and PPM of 9 to 15 bits have the values that their files have. False: nobody knows
            whether the ranges are of these or of what Pillow stretches them to, so that such files are refused.
    """

    limit: ImageLimit = STANDARD
    fast: bool = False
    ranges: Ranges | None = field(default_factory=dict)
    own_values: bool = True


WHOLE_FILES = Decoding()
"""Of no more than 8 bits."""


def decode_fitted(
    content: bytes,
    size: Size,
    fit: Fit,
    region: Region = WHOLE,
    how: Decoding = WHOLE_FILES,
    shape: Size | None = None,
) -> NDArray[np.uint8]:
    """Decode an image file and bring it, or a part of it, to the wanted size.

    Args:
        content: The file's bytes.
        size: Height and width of the result, pixels.
        fit: How an image of another shape takes this one; see `resized_part`. `corner`: the whole image, as large
            as fits, in the top left corner, `GREY` beside it; `corner_aliased`: likewise, but each pixel is
            interpolated between four of the image, as by OpenCV's `INTER_LINEAR`, however much smaller it becomes;
            `native`: the whole image as it is, there, and the result is larger where the image is. All three without
            parts.
        region: The part.
        how: What else decides. Values beyond the range of `how` are clipped, which is noted (`tlbench.data.notes`).
        shape: A size of the shape that the image takes, of which the result shows the part; None: the result's.

    Returns:
        (height, width, 3) uint8, RGB.

    Raises:
        UnreadableError: It is not an image, too large, truncated, or has more than 8 bits in a container whose range
            is not known.
    """
    return decode_sized(content, size, fit, region, how, shape)[0]


def decode_sized(
    content: bytes,
    size: Size,
    fit: Fit,
    region: Region = WHOLE,
    how: Decoding = WHOLE_FILES,
    shape: Size | None = None,
) -> tuple[NDArray[np.uint8], Size]:
    """As `decode_fitted`, with the height and width of the whole upright image, pixels."""
    with _opened(content, how) as image:
        is_deep = how.ranges is not None and container_of(image) != "uint8"
        own = None if is_deep else _begun(image, size, fit, how, region, shape)
        rgb = to_rgb(image, how.ranges, partial(open_image, content, how.limit))
        own = own or (rgb.height, rgb.width)
        return fitted(rgb, own, size, fit, region, shape), own


def decode_and_look(content: bytes, size: Size, fit: Fit, how: Decoding) -> tuple[NDArray[np.uint8] | None, Fact]:
    """As `decode_fitted`, without parts, and say what the file holds; nothing is noted of clipped values.

    Returns:
        The pixels, or None where the file has more than 8 bits and their range is not known; and the facts.

    Raises:
        UnreadableError: As `decode_fitted`.
    """
    with _opened(content, how) as image:
        if how.ranges is not None:
            check_read(image)
        container, grey = container_of(image), is_grey(image)
        reopen = partial(open_image, content, how.limit)
        rgb: Image.Image | None
        if container == "uint8" or how.ranges is None:
            own = _begun(image, size, fit, how)
            rgb = to_rgb(image, how.ranges, reopen)
            low, high = _extrema(rgb)
        else:
            deep = read_deep(image, container, reopen)
            low, high = deep.extrema()
            own, known = deep.size, how.ranges.get(container)
            rgb = deep.to_rgb(*known) if known else None
        pixels = None if rgb is None else fitted(rgb, own, size, fit)
        return pixels, Fact(*own, container, grey, low, high)


def decode_rgb(content: bytes, how: Decoding) -> Image.Image:
    """A whole image, upright, 8-bit RGB.

    Raises:
        UnreadableError: As `decode_fitted`.
    """
    with _opened(content, how) as image:
        return to_rgb(image, how.ranges, partial(open_image, content, how.limit))


def to_rgb(image: Image.Image, ranges: Ranges | None, reopen: Reopen | None = None) -> Image.Image:
    """Upright 8-bit RGB; what is transparent becomes white.

    Args:
        image: Opened, or made in memory.
        ranges: As in `Decoding`.
        reopen: Opens its file again. Without, colours of 16 bits are what Pillow makes of them: their higher byte.

    Raises:
        UnreadableError: More than 8 bits in a container whose range is not known; NaN or infinity.
    """
    if reopen is None and image.format != "PPM":  # of which `read_deep` decodes the colours
        image.load()
    if ranges is not None:
        check_read(image)
        container = container_of(image)
        if container != "uint8":
            return in_range(read_deep(image, container, reopen), ranges)
    image = upright(image)
    if image.mode.startswith("I"):
        return _from_16_bits(np.asarray(image))
    if image.mode == "F":
        raise UnreadableError("its pixels are floating-point numbers; convert it to 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image).convert("RGB")
    return image.convert("RGB")


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width of an opened image once it is upright, pixels; nothing is decoded."""
    tags = getattr(image, "tag_v2", None)  # Pillow has turned the size of a TIFF already, but not its pixels
    width, height = (int(tags[256]), int(tags[257])) if tags else image.size
    rotated = image.getexif().get(ORIENTATION) in _ROTATED
    return (width, height) if rotated else (height, width)


@contextmanager
def _opened(content: bytes, how: Decoding) -> Iterator[ImageFile.ImageFile]:
    """An image file, opened; whatever is raised meanwhile is why it cannot be decoded."""
    try:
        with noted(), open_image(content, how.limit) as image:
            if how.ranges is not None and not how.own_values and is_stretched(image):
                raise UnreadableError(_OWN_OR_STRETCHED)
            yield image
            _note_others(image)
    except Exception as error:  # Pillow's readers raise nearly anything on a broken file
        raise UnreadableError(reason_of(error)) from None


def _note_others(image: Image.Image) -> None:
    """Note that a decoded image is not all that its file holds."""
    kind = _OF_MANY.get(image.format or "")
    with suppress(Exception):  # what follows may be broken
        if kind and getattr(image, "is_animated", False):
            note(kind)


def _begun(
    image: ImageFile.ImageFile,
    size: Size,
    fit: Fit,
    how: Decoding,
    region: Region = WHOLE,
    shape: Size | None = None,
) -> Size:
    """The upright size of an opened image; what is decoded of it from now on may be smaller."""
    own = upright_size(image)
    if how.fast and fit not in ("corner_aliased", "native"):
        reduce(image, own, size, "pad" if fit == "corner" else fit, region, shape)
    return own


def _extrema(rgb: Image.Image) -> tuple[float, float]:
    bands: Any = rgb.getextrema()
    return float(min(low for low, _ in bands)), float(max(high for _, high in bands))


def _from_16_bits(values: NDArray[Any]) -> Image.Image:
    if values.min() < 0 or values.max() > 65535:
        raise UnreadableError(f"its pixels range from {values.min()} to {values.max()}; convert it to 8 or 16 bits")
    return Deep((values,), None, False, "uint16").to_rgb(0, 65535)
