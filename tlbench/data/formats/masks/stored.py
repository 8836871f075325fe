"""Masks as they are stored: what numbers or colours each holds, before it is known what these mean."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from tlbench.config import ImageLimit
from tlbench.console import console
from tlbench.data.image_opening import open_image, read_image_file, reason_of
from tlbench.data.notes import noted
from tlbench.data.unreadable import UnreadableError
from tlbench.data.workers import default_workers

MOST = 65_536
"""Numbers or colours that one mask may hold: so many fit in its pixels as they are kept."""

_SHOW_PROGRESS_ABOVE = 2_000  # files
_LEVEL = 1  # of zlib
_FEW_BITS = {"L;2": 85, "L;4": 17}
"""Of grey of 2 or 4 bits Pillow spreads the numbers over 8."""


@dataclass(frozen=True, eq=False)
class StoredMask:
    """A mask.

    Args:
        size: Height and width, upright, pixels.
        values: (K,) int64, ascending: the numbers in it, or its colours as `palettes.code_of`.
        counts: (K,) int64, pixels of each.
        coloured: Whether values are colours.
        packed: Its pixels, positions among the values; None: there are more than `MOST`.
        lossy: Whether it is a JPEG.
        shown: Of a mask with a palette of its own the colour that it gives each value, as in `palettes.code_of`.
    """

    size: tuple[int, int]
    values: NDArray[np.int64]
    counts: NDArray[np.int64]
    coloured: bool
    packed: bytes | None
    lossy: bool
    shown: NDArray[np.int64] | None = None

    @property
    def grey(self) -> bool:
        """Whether its colours, if it is coloured, are shades of grey."""
        red, green, blue = self.values >> 16, self.values >> 8 & 255, self.values & 255
        return self.coloured and bool(((red == green) & (green == blue)).all())

    def as_numbers(self) -> StoredMask:
        """Of a mask in shades of grey: these are its numbers."""
        return replace(self, values=self.values & 255, coloured=False)

    def pixels(self, meanings: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W): what each pixel means, of (K,) what the values do."""
        assert self.packed is not None
        kind = np.uint8 if len(self.values) <= 256 else np.uint16
        positions = np.frombuffer(zlib.decompress(self.packed), kind)
        found: NDArray[np.uint8] = meanings[positions].reshape(self.size)
        return found


def read_mask(path: str, limit: ImageLimit) -> StoredMask:
    """Decode a mask.

    Raises:
        UnreadableError, OSError: It cannot be read; further errors of Pillow's, see `reason_of`.
    """
    content = read_image_file(path, limit)
    with noted(), open_image(content, limit) as image:
        return of_image(image)


def read_stored(root: Path, names: Sequence[str], limit: ImageLimit) -> Iterator[StoredMask | str]:
    """Decode masks below a folder, several at a time, in their order; instead of a mask why it cannot be read."""
    quiet = len(names) <= _SHOW_PROGRESS_ABOVE or not console.is_terminal
    with ThreadPoolExecutor(default_workers()) as pool:
        found = pool.map(lambda name: _mask_or_reason(os.path.join(root, name), limit), names)  # noqa: PTH118
        yield from track(found, "reading masks", len(names), console=console, transient=True, disable=quiet)


def _mask_or_reason(path: str, limit: ImageLimit) -> StoredMask | str:
    try:
        return read_mask(path, limit)
    except Exception as error:  # Pillow's readers raise nearly anything on a broken file
        return reason_of(error)


def of_image(image: Any) -> StoredMask:
    """An opened image of Pillow's.

    Raises:
        UnreadableError: It cannot be a mask.
    """
    tile = getattr(image, "tile", None)  # none of an image that was made in memory
    scale = _FEW_BITS.get(tile[0].args, 1) if tile and image.format == "PNG" else 1
    palette = _palette(image)
    lossy = image.format == "JPEG"
    if image.getexif().get(0x0112, 1) != 1:
        raise UnreadableError("it is to be turned as EXIF says; save the mask upright, without that")
    if image.mode in ("LA", "RGBA", "PA"):
        image = _opaque(image)
    pixels = np.asarray(image)
    if image.mode == "RGB":
        codes = pixels[..., 0].astype(np.int64) << 16 | pixels[..., 1].astype(np.int64) << 8 | pixels[..., 2]
        return _packed(codes, True, lossy)
    if image.mode not in ("1", "L", "P", "I", "I;16", "I;16B", "I;16L"):
        raise UnreadableError(f"pixels of Pillow's mode {image.mode}; wanted are numbers of classes, or RGB colours")
    if pixels.dtype == np.uint8:
        return _eight_bits(pixels // scale if scale > 1 else pixels, lossy, palette)
    return _packed(pixels.astype(np.int64), False, lossy)


def of_numbers(pixels: NDArray[np.integer[Any]]) -> StoredMask:
    """An array (H, W) of numbers from 0 to 65535."""
    if pixels.size == 0 or int(pixels.max()) < 256:
        return _eight_bits(pixels.astype(np.uint8), False, None)
    return _packed(pixels.astype(np.int64), False, False)


def _opaque(image: Any) -> Any:
    """Without its transparency, which must not matter."""
    if image.mode == "PA":
        image = image.convert("RGBA")
    alpha = np.asarray(image.getchannel("A"))
    if int(alpha.min()) < 255:
        raise UnreadableError(
            f"{int((alpha < 255).sum())} of its pixels are transparent, and it is not known what these are; save it "
            "without transparency"
        )
    return image.convert("RGB" if image.mode == "RGBA" else "L")


def _palette(image: Image.Image) -> NDArray[np.int64] | None:
    if image.mode != "P":
        return None
    colours = np.array(image.getpalette() or [], np.int64).reshape(-1, 3)
    found: NDArray[np.int64] = colours[:, 0] << 16 | colours[:, 1] << 8 | colours[:, 2]
    return found


def _eight_bits(pixels: NDArray[np.uint8], lossy: bool, palette: NDArray[np.int64] | None) -> StoredMask:
    counts = np.bincount(pixels.ravel(), minlength=256)
    values = np.flatnonzero(counts)
    ranks = np.zeros(256, np.uint8)
    ranks[values] = np.arange(len(values))
    shown = None
    if palette is not None:
        shown = np.append(palette, np.full(256, -1))[values]
    packed = zlib.compress(ranks[pixels].tobytes(), _LEVEL)
    return StoredMask(_size(pixels), values, counts[values], False, packed, lossy, shown)


def _packed(codes: NDArray[np.int64], coloured: bool, lossy: bool) -> StoredMask:
    values, positions, counts = np.unique(codes, return_inverse=True, return_counts=True)
    packed = None
    if len(values) <= MOST:
        kind = np.uint8 if len(values) <= 256 else np.uint16
        packed = zlib.compress(positions.astype(kind).tobytes(), _LEVEL)
    return StoredMask(_size(codes), values, counts, coloured, packed, lossy)


def _size(pixels: NDArray[Any]) -> tuple[int, int]:
    height, width = pixels.shape[:2]
    return height, width
