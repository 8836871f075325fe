"""From an image file's bytes to a square of pixels: one way for training, evaluation and prediction.

Whatever the file is (grey, palette, transparent, 16 bits, rotated by EXIF), the result is upright 8-bit RGB. Only
Pillow and NumPy are needed here. Every image file that tlbench reads is opened by `open_image`, which keeps Pillow's
warnings for whoever asks for them (`tlbench.data.notes`).
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from tlbench.config import STANDARD_LIMITS, ImageLimit
from tlbench.data.deep import (
    ORIENTATION,
    WHITE,
    Deep,
    Ranges,
    Reopen,
    check_read,
    container_of,
    in_range,
    is_grey,
    read_deep,
    unread_tiff,
    upright,
)
from tlbench.data.facts import Fact
from tlbench.data.netpbm import is_stretched
from tlbench.data.notes import note, noted
from tlbench.data.unreadable import UnreadableError as UnreadableError
from tlbench.regular_file import TooLargeError, read_regular

_LOADED = (TiffImagePlugin, WebPImagePlugin)  # else Pillow loads all of its plugins to find these two

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
"""What Pillow may take a file for, whatever its name; it would start another program for some of the others (EPS)."""

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")

Fit = Literal["crop", "squash", "pad", "corner", "corner_aliased"]
Region = tuple[float, float, float, float]
"""Top, left, height and width of a part of the square, as fractions of its side."""

_OF_MANY = {
    "TIFF": "of several pages the first alone is taken; save each that is to be used as a file of its own",
    **dict.fromkeys(("GIF", "WEBP", "PNG"), "animated, of which the first picture alone is taken"),
}

WHOLE: Region = (0.0, 0.0, 1.0, 1.0)

# A JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves this many pixels for each wanted one, as in Pillow's thumbnail
_REDUCING_GAP = 2.0
_ROTATED = (5, 6, 7, 8)  # EXIF orientations that swap width and height

GREY = 114
"""What lies beside an image that does not fill its square, as in YOLO; all three channels."""

_OTHERS = (
    (0, b"%!PS", "an EPS"),
    (0, b"\xc5\xd0\xd3\xc6", "an EPS"),
    (0, b"%PDF", "a PDF"),
    (0, b"8BPS", "a PSD"),
    (0, b"SIMPLE  =", "a FITS"),
    (0, b"\xd7\xcd\xc6\x9a", "a WMF"),
    (40, b" EMF", "an EMF"),
    (0, b"<svg", "an SVG"),
    (0, b"<?xml", "an XML"),
    (4, b"ftypavi", "an AVIF"),
    (4, b"ftyphei", "a HEIC"),
    (4, b"ftypmif1", "a HEIC"),
    (4, b"ftypcrx", "a camera's raw"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (0, b"\xff\x0a", "a JPEG XL"),
    (0, b"qoif", "a QOI"),
    (0, b"BPG\xfb", "a BPG"),
    (0, b"gimp xcf", "a GIMP"),
    (0, b"\0\0\1\0", "an ICO"),
    (0, b"DDS ", "a DDS"),
    (0, b"\x89HDF", "an HDF5"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR"),
    (128, b"DICM", "a DICOM"),
)
"""Where in a file of another kind what stands, and what it then is."""

_OWN_OR_STRETCHED = (
    "a PGM or PPM of 9 to 15 bits, and the run's record does not say whether it took the values of such files as they "
    "are or stretched to 65535, as earlier versions did; repeat the run with rerun=true, or convert it to 8 bits"
)
_NO_IMAGE = "not an image, or of a kind that is not read"
_JPEG, _SCAN = b"\xff\xd8", b"\xff\xda"
_MOST_SCANS = 64  # each is gone through all pixels again; progressive files have some 10


STANDARD = STANDARD_LIMITS.image
"""As `conf/data/limits/default.yaml` has it."""


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


def open_image(content: bytes | IO[bytes], limit: ImageLimit = STANDARD) -> ImageFile.ImageFile:
    """Open an image file of one of `FORMATS`; its pixels are not decoded yet.

    Pillow's own limit is raised to this one where it is lower, for the whole process.

    Args:
        content: The file's bytes, or the file, opened for reading at its beginning.
        limit: Larger images are refused.

    Raises:
        UnreadableError: It is of another kind, or too large.
        Exception: Nearly anything that Pillow's readers raise on a broken file; see `reason_of`.
    """
    if Image.MAX_IMAGE_PIXELS is not None and limit.pixels > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = limit.pixels
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    if isinstance(content, bytes) and content.startswith(_JPEG) and content.count(_SCAN) > _MOST_SCANS:
        raise UnreadableError(f"a JPEG of {content.count(_SCAN)} scans, more than {_MOST_SCANS}; save it again")
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        file.seek(0)
        kind = other_kind(file.read(256))
        reason = f"{kind} file, which is not read; convert it to PNG or JPEG" if kind else unread_tiff(file)
        raise UnreadableError(reason or _NO_IMAGE) from None
    except Image.DecompressionBombError as error:  # at twice Pillow's limit, before the image's size can be asked for
        pixels = re.search(r"\d+", str(error))
        raise _too_large(f"{pixels[0] if pixels else 'its'} pixels", limit) from None
    if image.width * image.height > limit.pixels:
        with image:
            raise _too_large(f"{image.width} × {image.height} pixels", limit)
    return image


def reason_of(error: Exception) -> str:
    """Why a file cannot be decoded, in one line, from whatever Pillow's readers raised."""
    if isinstance(error, UnreadableError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not memory enough to decode it"
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or " ".join(str(error).split()) or type(error).__name__


def decode_square(
    content: bytes, side: int, fit: Fit, region: Region = WHOLE, how: Decoding = WHOLE_FILES
) -> NDArray[np.uint8]:
    """Decode an image file and bring a part of its square to the wanted side.

    Args:
        content: The file's bytes.
        side: Height and width of the result, pixels.
        fit: How an image that is not square becomes so; see `to_square`. `corner`: the whole image in the top left
            corner, `GREY` beside it; `corner_aliased`: likewise, but each pixel is interpolated between four of the
            image, as by OpenCV's `INTER_LINEAR`, however much smaller it becomes. Both of the whole square only.
        region: The part of the square.
        how: What else decides. Values beyond the range of `how` are clipped, which is noted (`tlbench.data.notes`).

    Returns:
        (side, side, 3) uint8, RGB.

    Raises:
        UnreadableError: It is not an image, too large, truncated, or has more than 8 bits in a container whose range
            is not known.
    """
    return decode_sized(content, side, fit, region, how)[0]


def decode_sized(
    content: bytes, side: int, fit: Fit, region: Region = WHOLE, how: Decoding = WHOLE_FILES
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """As `decode_square`, with the height and width of the whole upright image, pixels."""
    with _opened(content, how) as image:
        is_deep = how.ranges is not None and container_of(image) != "uint8"
        size = None if is_deep else _begun(image, side, fit, region, how)
        rgb = to_rgb(image, how.ranges, partial(open_image, content, how.limit))
        size = size or (rgb.height, rgb.width)
        return _squared(rgb, size, side, fit, region), size


def decode_and_look(content: bytes, side: int, fit: Fit, how: Decoding) -> tuple[NDArray[np.uint8] | None, Fact]:
    """As `decode_square`, of the whole square, and say what the file holds; nothing is noted of clipped values.

    Returns:
        The square, or None where the file has more than 8 bits and their range is not known; and the facts.

    Raises:
        UnreadableError: As `decode_square`.
    """
    with _opened(content, how) as image:
        if how.ranges is not None:
            check_read(image)
        container, grey = container_of(image), is_grey(image)
        reopen = partial(open_image, content, how.limit)
        rgb: Image.Image | None
        if container == "uint8" or how.ranges is None:
            size = _begun(image, side, fit, WHOLE, how)
            rgb = to_rgb(image, how.ranges, reopen)
            low, high = _extrema(rgb)
        else:
            deep = read_deep(image, container, reopen)
            low, high = deep.extrema()
            size, known = deep.size, how.ranges.get(container)
            rgb = deep.to_rgb(*known) if known else None
        square = None if rgb is None else _squared(rgb, size, side, fit, WHOLE)
        return square, Fact(*size, container, grey, low, high)


def decode_rgb(content: bytes, how: Decoding) -> Image.Image:
    """A whole image, upright, 8-bit RGB.

    Raises:
        UnreadableError: As `decode_square`.
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
    width, height = _square(image.size, fit)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    y, x, h, w = region
    upper, lower = round(top + y * height), round(top + (y + h) * height)
    first, last = round(left + x * width), round(left + (x + w) * width)
    # cropped before it is resized, as what lies outside must not shine through
    image = image.crop((first, upper, max(last, first + 1), max(lower, upper + 1)))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width of an opened image once it is upright, pixels; nothing is decoded."""
    tags = getattr(image, "tag_v2", None)  # Pillow has turned the size of a TIFF already, but not its pixels
    width, height = (int(tags[256]), int(tags[257])) if tags else image.size
    rotated = image.getexif().get(ORIENTATION) in _ROTATED
    return (width, height) if rotated else (height, width)


def inside_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width to which an image is brought so that its longer side is `side`, pixels."""
    factor = side / max(height, width)
    return min(math.ceil(height * factor), side), min(math.ceil(width * factor), side)


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


def _begun(image: ImageFile.ImageFile, side: int, fit: Fit, region: Region, how: Decoding) -> tuple[int, int]:
    """The upright size of an opened image; what is decoded of it from now on may be smaller."""
    size = upright_size(image)
    if how.fast and fit != "corner_aliased":
        _reduce(image, side, "pad" if fit == "corner" else fit, region)
    return size


def _squared(rgb: Image.Image, size: tuple[int, int], side: int, fit: Fit, region: Region) -> NDArray[np.uint8]:
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


def _extrema(rgb: Image.Image) -> tuple[float, float]:
    bands: Any = rgb.getextrema()
    return float(min(low for low, _ in bands)), float(max(high for _, high in bands))


def _square(size: tuple[int, int], fit: Fit) -> tuple[int, int]:
    """Width and height of what becomes the square."""
    return size if fit == "squash" else (min(size), min(size)) if fit == "crop" else (max(size), max(size))


def _reduce(image: Any, side: int, fit: Fit, region: Region) -> None:
    """Let a JPEG be decoded at a fraction of its size where the result needs no more."""
    width, height = _square(image.size, fit)
    spare = min(region[3] * width, region[2] * height) / (_REDUCING_GAP * side)
    if spare >= 2:
        image.draft("RGB", (max(int(image.width / spare), 1), max(int(image.height / spare), 1)))


def _from_16_bits(values: NDArray[Any]) -> Image.Image:
    if values.min() < 0 or values.max() > 65535:
        raise UnreadableError(f"its pixels range from {values.min()} to {values.max()}; convert it to 8 or 16 bits")
    return Deep((values,), None, False, "uint16").to_rgb(0, 65535)


def _too_large(size: str, limit: ImageLimit) -> UnreadableError:
    allowed = f"{limit.key}={limit.megapixels:g}"
    return UnreadableError(f"{size} are more than {allowed} allows; raise it for such images")


def read_image_file(path: Path | str, limit: ImageLimit = STANDARD) -> bytes:
    """The bytes of an image file.

    Raises:
        UnreadableError: It cannot be read, is no regular file, or larger than an image within the limit could be.
    """
    try:
        return read_regular(path, limit.bytes)
    except TooLargeError:
        raise _too_large(f"{limit.bytes >> 20} MB and more", limit) from None
    except (OSError, ValueError) as error:  # a name that holds NUL is a ValueError
        raise UnreadableError(reason_of(error)) from None


def other_kind(beginning: bytes) -> str | None:
    """What kind of file that is not read begins so (`an AVIF`); None: it cannot be told.

    Args:
        beginning: The file's first 256 bytes.
    """
    for position, mark, kind in _OTHERS:
        if beginning[position:].startswith(mark):
            return kind
    return None
