"""Images of more than 8 bits a channel: which they are, what values they hold, and how these become 8 bits.

A container of 16 or 32 bits does not say how many of them are used: X-ray and microscope images have 8, 12 or 14. Which
value is white is therefore found from the training images (`tlbench.data.pixel_range`) or given, and known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin

from tlbench.data.facts import Container, DeepContainer
from tlbench.data.netpbm import is_deep_colour, is_deep_grey, own_colours, own_grey
from tlbench.data.notes import note
from tlbench.data.unreadable import AlreadyDecodedError, UnreadableError

Ranges = Mapping[DeepContainer, tuple[float, float]]
"""Container → the value that becomes black and the one that becomes white."""

OLDER_RANGES: Ranges = {"uint16": (0, 65535), "int32": (0, 65535)}
"""Of runs from before ranges were found."""

_ROWS = 256  # at a time: floats take several times the memory
ORIENTATION = 0x0112  # in EXIF
_WIDTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANES, _SAMPLE_FORMAT = 256, 258, 259, 262, 277, 284, 339  # TIFF
_TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_KINDS = {1: "whole numbers", 2: "signed numbers", 3: "floats", 5: "complex numbers", 6: "complex numbers"}
_WHITE_IS_ZERO, _PALETTE, _UNSIGNED, _SIGNED, _SEPARATE = 0, 3, 1, 2, 2
_COMPRESSIONS = {
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
"""Some of those that Pillow does not read."""
_INCOMPLETE = {"RGBa": "colours with associated alpha", "CMYK": "CMYK"}
WHITE = (255, 255, 255, 255)
_OTHER_BYTE = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGB;16N": "RGB;16B",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
    "RGBA;16N": "RGBA;16B",
    "RGBX;16L": "RGBX;16B",
    "RGBX;16B": "RGBX;16L",
    "RGBX;16N": "RGBX;16B",
}
"""Pillow keeps the higher byte of colours of 16 bits: its name for that → its name for the same pixels, whose higher
byte it then takes the lower one for."""

_GREY_AND_ALPHA = "LA;16B"


class Reopen(Protocol):
    """Opens the file of an image once more."""

    def __call__(self) -> Image.Image:
        """The image, not decoded yet."""


def container_of(image: Image.Image) -> Container:
    """How an opened image stores a pixel; nothing is decoded. Colours of 16 bits are known before they are only."""
    if image.mode.startswith("I;16") or is_deep_grey(image):
        return "uint16"
    if image.mode == "I":
        return "int32"
    if image.mode == "F":
        return "float32"
    raw = raw_mode(image)
    return "uint16" if raw in _OTHER_BYTE or raw == _GREY_AND_ALPHA or is_deep_colour(image) else "uint8"


def is_grey(image: Image.Image) -> bool:
    """Whether an opened image has one channel, beside transparency; nothing is decoded."""
    return image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I") or raw_mode(image) == _GREY_AND_ALPHA


def raw_mode(image: Image.Image) -> str:
    """Pillow's name of how the file lays out its pixels; empty once they are decoded."""
    tiles = getattr(image, "tile", None)
    args = tiles[0].args if tiles else ""
    first = args if isinstance(args, str) else args[0] if args else ""
    return first if isinstance(first, str) else ""


@dataclass(frozen=True, eq=False)
class Deep:
    """The pixels of an upright image of more than 8 bits.

    Args:
        parts: One array (H, W) or two: the values, or their higher and lower bytes (H, W) or (H, W, 3).
        alpha: (H, W) uint8; None: nothing is transparent.
        inverted: Whether the lowest value is white.
        container: How the file stores a value.
    """

    parts: tuple[NDArray[Any], ...]
    alpha: NDArray[np.uint8] | None
    inverted: bool
    container: DeepContainer

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        height, width = self.parts[0].shape[:2]
        return height, width

    def extrema(self) -> tuple[float, float]:
        """The lowest and the highest value.

        Raises:
            UnreadableError: Some are NaN or infinite.
        """
        low, high, bad = np.inf, -np.inf, 0
        for values in self._rows():
            finite = np.isfinite(values)
            bad += int(finite.size - np.count_nonzero(finite))
            if bad == 0:
                low, high = min(low, float(values.min())), max(high, float(values.max()))
        if bad:
            count = self.parts[0].size
            raise UnreadableError(
                f"{bad} of its {count} pixel values are NaN or infinite, which are neither black nor white; replace "
                "them by numbers"
            )
        return low, high

    def to_rgb(self, low: float, high: float) -> Image.Image:
        """8-bit RGB: `low` becomes 0, `high` 255, what lies beyond is clipped; what is transparent is white."""
        eight = np.empty(self.parts[0].shape, np.uint8)
        step = (high - low) / 255
        first = 0
        for values in self._rows():
            scaled = np.rint((np.clip(values, low, high) - low) / step)
            eight[first : first + len(values)] = 255 - scaled if self.inverted else scaled
            first += len(values)
        image = Image.fromarray(eight).convert("RGB")
        if self.alpha is None:
            return image
        image.putalpha(Image.fromarray(self.alpha))
        return Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image).convert("RGB")

    def _rows(self) -> Iterator[NDArray[np.float64]]:
        """The values, a few rows at a time."""
        for first in range(0, len(self.parts[0]), _ROWS):
            some = [part[first : first + _ROWS].astype(np.float64) for part in self.parts]
            yield some[0] if len(some) == 1 else some[0] * 256 + some[1]


def in_range(deep: Deep, ranges: Ranges) -> Image.Image:
    """8-bit RGB of values whose range is known; it is noted where some lie beyond.

    Raises:
        UnreadableError: It is not known, or some are NaN or infinite.
    """
    low, high = deep.extrema()
    known = ranges.get(deep.container)
    if known is None:
        raise UnreadableError(unknown_range(deep.container, low, high))
    if low < known[0] or high > known[1]:
        note(f"its pixel values reach beyond {known[0]:g} … {known[1]:g}, the run's range, and are clipped")
    return deep.to_rgb(*known)


def unknown_range(container: DeepContainer, low: float, high: float) -> str:
    """What to tell of an image whose range is not known."""
    return (
        f"its pixel values, {low:g} to {high:g} in {container}, have more than 8 bits, and the run was trained on no "
        "such images, so that nothing says which value is white; convert it to 8 bits"
    )


def read_deep(image: Image.Image, container: DeepContainer, reopen: Reopen | None) -> Deep:
    """Decode an image of more than 8 bits.

    Args:
        image: Opened.
        container: As `container_of` has it.
        reopen: Opens it again: colours of 16 bits, which are not decoded yet, are decoded twice, once for either byte.

    Raises:
        Exception: Whatever Pillow's readers raise on a broken file.
    """
    raw = raw_mode(image)
    if raw in _OTHER_BYTE and reopen is not None:
        return _colours(image, reopen, raw)
    if raw == _GREY_AND_ALPHA:  # as four bytes
        higher, lower, alpha, _ = np.moveaxis(np.asarray(_decoded_as(image, "RGBA")), 2, 0)
        return Deep((higher, lower), alpha, False, container)
    if is_deep_colour(image):
        return Deep((own_colours(image),), None, False, container)
    if is_deep_grey(image):
        return Deep((own_grey(image),), None, False, container)
    tags = _tags(image)
    marked = image.info.get("transparency")
    image = upright(image)
    values = np.asarray(image)
    alpha = np.where(values == marked, 0, 255).astype(np.uint8) if isinstance(marked, int) else None
    if image.mode == "I" and tags is not None and tags.get(_BITS) == (32,) and _sample_format(tags) == _UNSIGNED:
        values = values.view(np.uint32)  # Pillow takes it for signed
    inverted = tags is not None and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO  # Pillow inverts those of 8 bits alone
    return Deep((values,), alpha, inverted, container)


def upright(image: Image.Image) -> Image.Image:
    """Decoded, and turned as EXIF says."""
    image.load()
    if image.getexif().get(ORIENTATION, 1) != 1:  # it copies all others
        image = ImageOps.exif_transpose(image)
    return image


def unread_tiff(file: IO[bytes]) -> str | None:
    """Why Pillow does not read a TIFF, from what its tags say; None: it is no TIFF, or broken."""
    file.seek(0)
    head = file.read(16)
    if not head.startswith(_TIFFS):
        return None
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(head if 43 in head[2:4] else head[:8])  # 43: one beyond 4 GB
        file.seek(tags.next)
        tags.load(file)
        if _WIDTH not in tags:
            return None
        bits, samples, kind = tags.get(_BITS, (1,)), tags.get(_SAMPLES, 1), _KINDS.get(_sample_format(tags), "numbers")
        compression, photometric = tags.get(_COMPRESSION, 1), tags.get(_PHOTOMETRIC)
    except Exception:  # in any way
        return None
    if compression not in TiffImagePlugin.COMPRESSION_INFO:
        name = _COMPRESSIONS.get(compression, f"kind {compression}")
        return f"a TIFF with compression {name}, which is not read; save it uncompressed, or with LZW or deflate"
    if photometric == _PALETTE:
        return f"a TIFF with a palette of {bits[0]} bits, which is not read; convert it to RGB"
    what = f"a TIFF of {samples} × {bits[0]}-bit {kind} a pixel, which is not read"
    if samples > 1 and _sample_format(tags) == _UNSIGNED and bits[0] in (8, 16):
        bands = (
            "one band (grey) or three (RGB)" if bits[0] == 8 else "one band (grey), three (RGB) or four (with alpha)"
        )
        return f"{what}: {samples} bands; convert it to {bands}"
    return f"{what}; convert it to 8 or 16 bits, or to one 32-bit float a pixel"


def check_read(image: Image.Image) -> None:
    """Refuse TIFFs that Pillow opens, but does not read in full.

    Raises:
        UnreadableError: Signed numbers of 8 bits, which it takes for unsigned; or more bits, in separate planes or of
            colours of which it keeps the higher byte.
        AlreadyDecodedError: It has dropped the other byte.
    """
    tags = _tags(image)
    if tags is None:
        return
    if image.mode == "L" and _sample_format(tags) == _SIGNED:
        raise UnreadableError("its pixels are signed numbers of 8 bits, which are not read; convert it to 16 bits")
    bits, raw = max(tags.get(_BITS, (1,))), raw_mode(image)
    if bits <= 8:
        return
    if not raw:
        if container_of(image) == "uint8":
            raise AlreadyDecodedError(f"and keeps the higher byte of its {bits}-bit colours alone")
        return
    compressed = tags.get(_COMPRESSION, 1) != 1
    if tags.get(_PLANES) == _SEPARATE and (tags.get(_SAMPLES, 1) > 1 or (bits == 16 and not compressed)):
        raise UnreadableError(
            f"a TIFF of separate planes of {bits} bits, which is not read; convert it to one plane "
            "(PlanarConfiguration=1)"
        )
    if container_of(image) == "uint8":
        kind = _INCOMPLETE.get(raw.partition(";")[0], f"pixels ({raw})")
        raise UnreadableError(f"a TIFF of {bits}-bit {kind}, which is not read in full; convert it to RGB or RGBA")


def _colours(image: Image.Image, reopen: Reopen, raw: str) -> Deep:
    marked = None if raw.startswith("RGBA") else image.info.get("transparency")
    with reopen() as second:
        lower = np.asarray(_decoded_as(second, _OTHER_BYTE[raw]))
    higher = np.asarray(upright(image))
    parts = (higher[..., :3], lower[..., :3])
    alpha = higher[..., 3] if image.mode == "RGBA" else None
    if isinstance(marked, tuple):  # a PNG names the colour that is transparent
        wanted = np.array(marked)
        is_it = ((parts[0] == wanted >> 8) & (parts[1] == (wanted & 255))).all(axis=2)
        alpha = np.where(is_it, 0, 255).astype(np.uint8)
    return Deep(parts, alpha, False, "uint16")


def _decoded_as(image: Any, raw: str) -> Image.Image:
    """Upright, decoded as if the file's pixels were laid out in another way of as many bytes."""
    image.tile = [t._replace(args=raw if isinstance(t.args, str) else (raw, *t.args[1:])) for t in image.tile]
    return upright(image)


def _tags(image: Image.Image) -> Any:
    """Those of a TIFF; None of other files."""
    return getattr(image, "tag_v2", None)


def _sample_format(tags: Any) -> int:
    found = tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))
    return int(found[0] if isinstance(found, tuple) else found)
