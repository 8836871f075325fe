"""Images of more than 8 bits a channel: what values they hold, and how these become 8 bits.

A container of 16 or 32 bits does not say how many of them are used: X-ray and microscope images have 8, 12 or 14. Which
value is white is therefore found from the training images (`tlbench.data.pixel_range`) or given, and known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tlbench.data.containers import GREY_AND_ALPHA, OTHER_BYTE, raw_mode
from tlbench.data.facts import DeepContainer
from tlbench.data.netpbm import is_deep_colour, is_deep_grey, own_colours, own_grey
from tlbench.data.notes import note
from tlbench.data.tiff_tags import is_unsigned_32, white_is_zero
from tlbench.data.unreadable import UnreadableError

Ranges = Mapping[DeepContainer, tuple[float, float]]
"""Container → the value that becomes black and the one that becomes white."""

OLDER_RANGES: Ranges = {"uint16": (0, 65535), "int32": (0, 65535)}
"""Of runs from before ranges were found."""

_ROWS = 256  # at a time: floats take several times the memory
ORIENTATION = 0x0112  # in EXIF
WHITE = (255, 255, 255, 255)


class Reopen(Protocol):
    """Opens the file of an image once more."""

    def __call__(self) -> Image.Image:
        """The image, not decoded yet."""


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
    if raw in OTHER_BYTE and reopen is not None:
        return _colours(image, reopen, raw)
    if raw == GREY_AND_ALPHA:  # as four bytes
        higher, lower, alpha, _ = np.moveaxis(np.asarray(_decoded_as(image, "RGBA")), 2, 0)
        return Deep((higher, lower), alpha, False, container)
    if is_deep_colour(image):
        return Deep((own_colours(image),), None, False, container)
    if is_deep_grey(image):
        return Deep((own_grey(image),), None, False, container)
    unsigned, inverted = is_unsigned_32(image), white_is_zero(image)
    marked = image.info.get("transparency")
    image = upright(image)
    values = np.asarray(image)
    alpha = np.where(values == marked, 0, 255).astype(np.uint8) if isinstance(marked, int) else None
    if image.mode == "I" and unsigned:
        values = values.view(np.uint32)  # Pillow takes it for signed
    return Deep((values,), alpha, inverted, container)


def upright(image: Image.Image) -> Image.Image:
    """Decoded, and turned as EXIF says."""
    image.load()
    if image.getexif().get(ORIENTATION, 1) != 1:  # it copies all others
        image = ImageOps.exif_transpose(image)
    return image


def _colours(image: Image.Image, reopen: Reopen, raw: str) -> Deep:
    marked = None if raw.startswith("RGBA") else image.info.get("transparency")
    with reopen() as second:
        lower = np.asarray(_decoded_as(second, OTHER_BYTE[raw]))
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
