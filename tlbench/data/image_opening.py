"""Opening an image file: one place for all, where its kind and its size are looked at before anything is decoded."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import IO

from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from tlbench.config import STANDARD_LIMITS, ImageLimit
from tlbench.data.tiff_tags import unread_tiff
from tlbench.data.unreadable import UnreadableError
from tlbench.system.regular_file import TooLargeError, read_regular

_LOADED = (TiffImagePlugin, WebPImagePlugin)  # else Pillow loads all of its plugins to find these two

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
"""What Pillow may take a file for, whatever its name; it would start another program for some of the others (EPS)."""

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")

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
_JPEG, _SCAN = b"\xff\xd8", b"\xff\xda"
_MOST_SCANS = 64  # each is gone through all pixels again; progressive files have some 10


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


def _too_large(size: str, limit: ImageLimit) -> UnreadableError:
    allowed = f"{limit.key}={limit.megapixels:g}"
    return UnreadableError(f"{size} are more than {allowed} allows; raise it for such images")
