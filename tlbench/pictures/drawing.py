"""Detections drawn onto an image: boxes with class and confidence."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from matplotlib import get_data_path
from PIL import Image, ImageColor, ImageDraw, ImageFont

from tlbench.annotations.instances.found import Detection
from tlbench.pictures.figures import COLOURS

_LINE, _TEXT = 1 / 480, 1 / 60
"""Of the image's longer side: the width of a line, the height of a letter's square."""
_SMALLEST_TEXT, _LEAST_TEXT = 11, 8  # pixels: wanted, and where even the number alone is wider than the image
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)

Colour = tuple[int, int, int]


def draw_detections(image: Image.Image, detections: Sequence[Detection]) -> None:
    """Draw onto an image, the surest on top; each class has a colour of Okabe and Ito's palette.

    Lines and letters grow with the image. A label lies above its box, or inside where the image ends there; where it is
    wider than the image, the class's name is shortened, then left out.

    Args:
        image: RGB; it is changed.
        detections: Boxes in its pixels, the surest first.
    """
    pen = ImageDraw.Draw(image)
    longer = max(image.size)
    width = max(1, round(longer * _LINE))
    for detection in reversed(detections):
        _outline(pen, detection.box, colour_of(detection.label), width)
    for detection in reversed(detections):  # no outline through a label
        _label(pen, image.size, detection, width, max(_SMALLEST_TEXT, round(longer * _TEXT)))


def colour_of(label: int) -> Colour:
    """A class's colour; those of more than eight classes recur."""
    red, green, blue = ImageColor.getrgb(COLOURS[label % len(COLOURS)])[:3]
    return red, green, blue


def _outline(pen: ImageDraw.ImageDraw, box: tuple[float, ...], colour: Colour, width: int) -> None:
    """A frame within the box, and around it a thin one that sets it off from what is below it."""
    x1, y1, x2, y2 = (round(side) for side in box)
    right, lower = max(x2 - 1, x1), max(y2 - 1, y1)
    rim = max(1, width // 3)
    pen.rectangle((x1 - rim, y1 - rim, right + rim, lower + rim), outline=_contrast(colour), width=rim)
    pen.rectangle((x1, y1, right, lower), outline=colour, width=width)


def _label(pen: ImageDraw.ImageDraw, size: tuple[int, int], detection: Detection, width: int, height: int) -> None:
    pad = width
    text, font = _fitting(detection, size[0] - 2 * pad, height)
    ascent, descent = font.getmetrics()
    wide, high = round(font.getlength(text)) + 2 * pad, ascent + descent + pad
    x1, y1 = round(detection.box[0]), round(detection.box[1])
    left = max(min(x1, size[0] - wide), 0)
    top = y1 - high if y1 >= high else max(min(y1, size[1] - high), 0)
    colour = colour_of(detection.label)
    pen.rectangle((left, top, left + wide - 1, top + high - 1), fill=colour)
    pen.text((left + pad, top + pad // 2), text, fill=_contrast(colour), font=font)


def _fitting(detection: Detection, room: int, height: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """The label that fits into `room` pixels."""
    name = detection.class_name.encode(errors="replace").decode().replace("\n", " ")  # need not be valid Unicode
    number = f"{detection.confidence:.2f}"
    shortened = (f"{name[:kept]}… {number}" for kept in range(len(name) - 1, 2, -1))
    font = _font(height)
    for text in (f"{name} {number}", *shortened, number):
        if font.getlength(text) <= room:
            return text, font
    return number, _font(_LEAST_TEXT)


def _contrast(colour: Colour) -> Colour:
    """White or black, whichever is told apart better (luma of ITU-R BT.601)."""
    red, green, blue = colour
    return _BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else _WHITE


@functools.lru_cache(maxsize=8)
def _font(height: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along: the same letters on every machine, Greek and Cyrillic among them."""
    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", height)
