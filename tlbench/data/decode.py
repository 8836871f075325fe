"""From an image file's bytes to a square of pixels: one way for training, evaluation and prediction.

Whatever the file is (grey, palette, transparent, 16 bits, rotated by EXIF), the result is upright 8-bit RGB. Only
Pillow and NumPy are needed here. Every image file that tlbench reads is opened by `open_image`.
"""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from tlbench.config import STANDARD_LIMITS, ImageLimit
from tlbench.regular_file import TooLargeError, read_regular

_LOADED = (TiffImagePlugin, WebPImagePlugin)  # else Pillow loads all of its plugins to find these two

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
"""What Pillow may take a file for, whatever its name; it would start another program for some of the others (EPS)."""

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")

Fit = Literal["crop", "squash", "pad", "corner", "corner_aliased"]
Region = tuple[float, float, float, float]
"""Top, left, height and width of a part of the square, as fractions of its side."""

WHOLE: Region = (0.0, 0.0, 1.0, 1.0)

# A JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves this many pixels for each wanted one, as in Pillow's thumbnail
_REDUCING_GAP = 2.0
_WHITE = (255, 255, 255, 255)
_ORIENTATION = 0x0112  # in EXIF
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

_NO_IMAGE = "not an image, or of a kind that is not read"
_ROWS = 256  # of 16-bit pixels at a time
_JPEG, _SCAN = b"\xff\xd8", b"\xff\xda"
_MOST_SCANS = 64  # each is gone through all pixels again; progressive files have some 10


class UnreadableError(Exception):
    """Why a file cannot be decoded, in a few words."""


STANDARD = STANDARD_LIMITS.image
"""As `conf/data/limits/default.yaml` has it."""


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
        reason = f"{kind} file, which is not read; convert it to PNG or JPEG" if kind else _NO_IMAGE
        raise UnreadableError(reason) from None
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
    content: bytes, side: int, fit: Fit, region: Region = WHOLE, limit: ImageLimit = STANDARD
) -> NDArray[np.uint8]:
    """Decode an image file and bring a part of its square to the wanted side.

    Args:
        content: The file's bytes.
        side: Height and width of the result, pixels.
        fit: How an image that is not square becomes so; see `to_square`. `corner`: the whole image in the top left
            corner, `GREY` beside it; `corner_aliased`: likewise, but each pixel is interpolated between four of the
            image, as by OpenCV's `INTER_LINEAR`, however much smaller it becomes. Both of the whole square only.
        region: The part of the square.
        limit: Larger images are refused.

    Returns:
        (side, side, 3) uint8, RGB.

    Raises:
        UnreadableError: It is not an image, too large, truncated, or of a kind without a plain meaning in 8 bits.
    """
    try:
        with open_image(content, limit) as image:
            if fit in ("corner", "corner_aliased"):
                return _in_corner(image, side, antialias=fit == "corner")
            _reduce(image, side, fit, region)
            return to_square(to_rgb(image), side, fit, region)
    except Exception as error:  # Pillow's readers raise nearly anything on a broken file
        raise UnreadableError(reason_of(error)) from None


def to_rgb(image: Image.Image) -> Image.Image:
    """Upright 8-bit RGB; what is transparent becomes white, 16 bits are scaled to 8.

    Raises:
        UnreadableError: Floating-point pixels, or integers beyond 16 bits, whose range is not known.
    """
    image.load()
    if image.getexif().get(_ORIENTATION, 1) != 1:  # it copies all others
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        return _from_16_bits(np.asarray(image)).convert("RGB")
    if image.mode == "F":
        raise UnreadableError("its pixels are floating-point numbers; convert it to 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), image).convert("RGB")
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
    rotated = image.getexif().get(_ORIENTATION) in _ROTATED
    return (width, height) if rotated else (height, width)


def inside_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width to which an image is brought so that its longer side is `side`, pixels."""
    factor = side / max(height, width)
    return min(math.ceil(height * factor), side), min(math.ceil(width * factor), side)


def _in_corner(image: Image.Image, side: int, *, antialias: bool) -> NDArray[np.uint8]:
    """The whole image in the top left corner, its longer side the square's, beside it `GREY`."""
    height, width = inside_size(*upright_size(image), side)
    square = np.full((side, side, 3), GREY, np.uint8)
    if antialias:
        _reduce(image, side, "pad", WHOLE)
        resized = to_rgb(image).resize((width, height), Image.Resampling.BILINEAR)
    else:  # what shrinks images in Pillow's `resize` averages; its `transform` does not
        whole = to_rgb(image)
        box = (0, 0, *whole.size)
        resized = whole.transform((width, height), Image.Transform.EXTENT, box, Image.Resampling.BILINEAR)
    square[:height, :width] = np.asarray(resized)
    return square


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
    """Grey of 8 bits, a few rows at a time: floats take eight times the memory."""
    if values.min() < 0 or values.max() > 65535:
        raise UnreadableError(f"its pixels range from {values.min()} to {values.max()}; convert it to 8 or 16 bits")
    grey = np.empty(values.shape, np.uint8)
    for first in range(0, len(values), _ROWS):
        grey[first : first + _ROWS] = np.rint(values[first : first + _ROWS] / 257)
    return Image.fromarray(grey)


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
