"""Contact sheets: many images side by side, each under its title."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from tlbench.pictures.drawing import Pixels, draw
from tlbench.pictures.lettering import cut_middle, legible
from tlbench.pictures.marks import Box, Mark, resized

_GAP, _LEADING = 12, 16
"""Pixels between tiles, and from one line of text to the next."""
_TEXT, _HEADING = 12, 14
_SAMPLE = 28
"""How wide a frame of the legend is."""
_LIKE = 360
"""Lines and letters on all images are as on one of this side, whatever their own."""
_WHITE, _BLACK = "#FFFFFF", "#000000"


@dataclass(frozen=True, eq=False)
class Tile:
    """An image of a sheet.

    Args:
        pixels: (H, W, 3), RGB.
        marks: What is drawn on it, in its pixels.
        title: Lines above it.
    """

    pixels: Pixels
    marks: Sequence[Mark] = ()
    title: str = ""


@dataclass(frozen=True)
class Key:
    """A line of the legend: what outlines of a colour are."""

    colour: str
    text: str
    dashed: bool = False


def sheet(tiles: Sequence[Tile], *, heading: str = "", keys: Sequence[Key] = (), side: int = 360) -> Pixels:
    """Tiles in the order given, row by row, on white; the sheet is about square.

    An image that is larger than its cell is shrunk by averaging, a smaller one is enlarged by a whole number of times,
    so that its pixels can be seen. Marks are drawn on what this gives, with lines and letters of the same size on all.

    Args:
        tiles: Any number.
        heading: Lines above all.
        keys: A legend below it.
        side: A cell's longer side, pixels; its shape is the median of the images'.

    Returns:
        (H, W, 3).
    """
    wide, high = _cell(tiles, side)
    images = [_image(tile, wide, high) for tile in tiles]
    above = max((_LEADING * (tile.title.count("\n") + 1) for tile in tiles if tile.title), default=0)
    columns = max(1, min(len(tiles), round(math.sqrt(len(tiles) * (high + above + _GAP) / (wide + _GAP)))))
    rows = [images[first : first + columns] for first in range(0, len(images), columns)]
    tops = np.cumsum([_head_height(heading, keys), *(above + max(map(len, row)) + _GAP for row in rows)]).tolist()
    width = max(_GAP + columns * (wide + _GAP) if tiles else 0, _head_width(heading, keys))
    paper = Image.new("RGB", (width, tops[-1]), _WHITE)
    _write_head(paper, heading, keys)
    pen = ImageDraw.Draw(paper)
    for k, (tile, image) in enumerate(zip(tiles, images, strict=True)):
        left, top = _GAP + k % columns * (wide + _GAP), tops[k // columns]
        for number, line in enumerate(reversed(tile.title.split("\n")), start=1):
            text, font = cut_middle(line, wide, _TEXT)
            pen.text((left, top + above - number * _LEADING), text, fill=_BLACK, font=font)
        paper.paste(Image.fromarray(image), (left, top + above))
    return np.asarray(paper)


def rendered(tile: Tile, side: int, *, enlarge: bool = True) -> Pixels:
    """A tile's image with its marks, without its title.

    Args:
        tile: It.
        side: Pixels of the longer side at most.
        enlarge: Whether a smaller image is enlarged, by a whole number of times.
    """
    height, width = tile.pixels.shape[:2]
    return _image(tile, side, side) if enlarge else _image(tile, min(side, width), min(side, height))


def _cell(tiles: Sequence[Tile], side: int) -> tuple[int, int]:
    """Width and height of the cells that images are fitted into."""
    shapes = np.array([tile.pixels.shape[:2] for tile in tiles]).reshape(-1, 2)
    tall = float(np.clip(np.median(shapes[:, 0] / shapes[:, 1]), 0.4, 2.5)) if tiles else 1.0
    return round(side * min(1, 1 / tall)), round(side * min(1, tall))


def _image(tile: Tile, wide: int, high: int) -> Pixels:
    """A tile's image with its marks, at most that wide and that high."""
    height, width = tile.pixels.shape[:2]
    scale = min(wide / width, high / height)
    scale = math.floor(scale) if scale > 1 else scale
    size = max(1, round(height * scale)), max(1, round(width * scale))
    method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX
    pixels = np.asarray(Image.fromarray(tile.pixels).resize(size[::-1], method))
    return draw(pixels, [resized(mark, (height, width), size) for mark in tile.marks], like=_LIKE)


def _head_height(heading: str, keys: Sequence[Key]) -> int:
    return _GAP + (_LEADING + _GAP // 2) * (len(_lines(heading)) + bool(keys))


def _head_width(heading: str, keys: Sequence[Key]) -> int:
    lines = [legible(line, _HEADING) for line in _lines(heading)]
    longest = max((math.ceil(font.getlength(text)) for text, font in lines), default=0)
    return max(2 * _GAP + longest, _GAP + sum(map(_key_width, keys)))


def _lines(heading: str) -> list[str]:
    return heading.split("\n") if heading else []


def _key_width(key: Key) -> int:
    text, font = legible(key.text, _TEXT)
    return _SAMPLE + _GAP // 2 + math.ceil(font.getlength(text)) + 2 * _GAP


def _write_head(paper: Image.Image, heading: str, keys: Sequence[Key]) -> None:
    pen, left, top = ImageDraw.Draw(paper), _GAP, _GAP
    for line in _lines(heading):
        text, font = legible(line, _HEADING)
        pen.text((left, top), text, fill=_BLACK, font=font)
        top += _LEADING + _GAP // 2
    for key in keys:
        text, font = legible(key.text, _TEXT)
        frame = Box(corners=(2, 2, _SAMPLE - 2, _LEADING - 2), colour=key.colour, dashed=key.dashed)
        sample = draw(np.full((_LEADING, _SAMPLE, 3), 255, np.uint8), [frame], like=_LIKE)
        paper.paste(Image.fromarray(sample), (left, top))
        pen.text((left + _SAMPLE + _GAP // 2, top), text, fill=_BLACK, font=font)
        left += _key_width(key)
