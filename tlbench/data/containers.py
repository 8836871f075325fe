"""How an opened image stores its pixels; nothing is decoded."""

from __future__ import annotations

from PIL import Image

from tlbench.data.facts import Container
from tlbench.data.netpbm import is_deep_colour, is_deep_grey

OTHER_BYTE = {
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

GREY_AND_ALPHA = "LA;16B"
"""Its name for grey of 16 bits and alpha; it keeps the higher bytes."""


def container_of(image: Image.Image) -> Container:
    """How an opened image stores a pixel; nothing is decoded. Colours of 16 bits are known before they are only."""
    if image.mode.startswith("I;16") or is_deep_grey(image):
        return "uint16"
    if image.mode == "I":
        return "int32"
    if image.mode == "F":
        return "float32"
    raw = raw_mode(image)
    return "uint16" if raw in OTHER_BYTE or raw == GREY_AND_ALPHA or is_deep_colour(image) else "uint8"


def is_grey(image: Image.Image) -> bool:
    """Whether an opened image has one channel, beside transparency; nothing is decoded."""
    return image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I") or raw_mode(image) == GREY_AND_ALPHA


def raw_mode(image: Image.Image) -> str:
    """Pillow's name of how the file lays out its pixels; empty once they are decoded."""
    tiles = getattr(image, "tile", None)
    args = tiles[0].args if tiles else ""
    first = args if isinstance(args, str) else args[0] if args else ""
    return first if isinstance(first, str) else ""
