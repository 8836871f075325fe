"""Boxes and masks with their labels, drawn on images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tlbench.pictures.lettering import cut_end
from tlbench.pictures.marks import Box, Mark
from tlbench.pictures.masks import Bounds, Region, filled, region
from tlbench.pictures.palette import contrast, rgb

Pixels = NDArray[np.uint8]

_LINE, _TEXT = 1 / 320, 1 / 60
"""Of the image's longer side: the width of a line, the height of a letter's square."""
_SMALL = 240  # pixels: from this longer side on, a line has two at least, and letters are taller
_SMALLEST_TEXT, _SMALL_TEXT, _LEAST_TEXT = 11, 9, 8  # pixels; the last where even the value alone is too wide
_TINT = 0.4
"""How much of a mask's colour is laid over what it covers."""
_HIDDEN = 0.3
"""Of a label: one of which others would cover more is left out."""


def draw(pixels: Pixels, marks: Sequence[Mark], like: int | None = None) -> Pixels:
    """An image with marks drawn on it, the last on top.

    Lines and letters grow with the image; an outline has a rim that sets it off from any ground. Surfaces lie below all
    outlines, and these below all labels. A label lies above its mark, inside where the image ends there, or elsewhere
    at the mark where it would cover that of a mark more on top. One wider than the image is shortened; one that can
    only lie on others is left out.

    Args:
        pixels: (H, W, 3), RGB; it stays as it is.
        marks: They may reach out of the image.
        like: Lines and letters are as on an image of this longer side; None: of its own.

    Raises:
        ValueError: A mask has another size than the image.
    """
    longer = max(pixels.shape[:2]) if like is None else like
    line = max(1 if longer < _SMALL else 2, round(longer * _LINE))
    letter = max(_SMALL_TEXT if longer < _SMALL else _SMALLEST_TEXT, round(longer * _TEXT))
    canvas, outlines = pixels.copy(), [_outline(mark, pixels, line) for mark in marks]
    for mark, outline in zip(marks, outlines, strict=True):
        if isinstance(outline, Region):
            _tint(canvas, mark, outline)
    for mark, outline in zip(marks, outlines, strict=True):
        if isinstance(outline, Region):
            _trace(canvas, mark, outline, line)
        elif outline is not None:
            _frame(canvas, mark, outline, line)
    places = [outline.bounds if isinstance(outline, Region) else outline for outline in outlines]
    return _labelled(canvas, marks, places, line, letter)


def _outline(mark: Mark, pixels: Pixels, line: int) -> Region | Bounds | None:
    """Where a mark's outline goes; None: there is nothing of it."""
    height, width = pixels.shape[:2]
    if isinstance(mark, Box):
        x1, y1, x2, y2 = (round(side) for side in mark.corners)
        return x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)
    mask = mark.shape if isinstance(mark.shape, np.ndarray) else filled(mark.shape, height, width)
    if mask.shape != (height, width):
        raise ValueError(f"a mask of {mask.shape} pixels on an image of {(height, width)}")
    return region(mask, 1 if mark.thin else line, _rim(line))


def _tint(canvas: Pixels, mark: Mark, surface: Region) -> None:
    part = canvas[surface.rows, surface.columns]
    for channel, value in enumerate(rgb(mark.colour)):
        tinted = (np.arange(256) * (1 - _TINT) + value * _TINT).round().astype(np.uint8)  # of each value, once
        np.copyto(part[..., channel], tinted[part[..., channel]], where=surface.inside)


def _rim(line: int) -> int:
    return max(1, line // 3)


def _frame(canvas: Pixels, mark: Mark, bounds: Bounds, line: int) -> None:
    x1, y1, x2, y2 = bounds
    dash = _dash(mark, line)
    if mark.thin:
        _bars(canvas, bounds, 1, mark.colour, bounds, dash)
        return
    rim = _rim(line)
    _bars(canvas, (x1 - rim, y1 - rim, x2 + rim, y2 + rim), rim, contrast(mark.colour), bounds, dash)
    _bars(canvas, bounds, line, mark.colour, bounds, dash)


def _bars(canvas: Pixels, frame: Bounds, wide: int, colour: str, bounds: Bounds, dash: int) -> None:
    """The four sides of a frame, within it; dashes are those of a mark with the given bounds."""
    x1, y1, x2, y2 = frame
    left, top, right, bottom = min(x1 + wide, x2), min(y1 + wide, y2), max(x2 - wide, x1), max(y2 - wide, y1)
    for bar in ((x1, y1, x2, top), (x1, bottom, x2, y2), (x1, y1, left, y2), (right, y1, x2, y2)):
        first_x, first_y, end_x, end_y = (max(side, 0) for side in bar)
        part = canvas[first_y:end_y, first_x:end_x]
        part[_dashes(part, first_x, first_y, bounds, dash)] = rgb(colour)


def _trace(canvas: Pixels, mark: Mark, outline: Region, line: int) -> None:
    part = canvas[outline.rows, outline.columns]
    dashes = _dashes(part, outline.columns.start, outline.rows.start, outline.bounds, _dash(mark, line))
    if not mark.thin:
        part[outline.rim & dashes] = rgb(contrast(mark.colour))
    part[outline.edge & dashes] = rgb(mark.colour)


def _dash(mark: Mark, line: int) -> int:
    """About how long a dash is, and the gap behind it; 0 for a solid line."""
    return 3 * line + 1 if mark.dashed else 0


def _dashes(part: Pixels, x: int, y: int, bounds: Bounds, dash: int) -> NDArray[np.bool_]:
    """(h, w) where dashes are, of a part of the image whose corner is at x and y.

    They are the fields of a chessboard over a mark's bounds: of lines in any direction it makes dashes. An odd number
    of fields a side gives all corners a dash, and no border of fields runs along a side.
    """
    if dash == 0:
        return np.ones(part.shape[:2], dtype=bool)
    x1, y1, x2, y2 = bounds
    rows = _fields(np.arange(part.shape[0]) + y - y1, y2 - y1, dash)
    columns = _fields(np.arange(part.shape[1]) + x - x1, x2 - x1, dash)
    dashes: NDArray[np.bool_] = (rows[:, None] + columns) % 2 == 0
    return dashes


def _fields(at: NDArray[np.int64], length: int, dash: int) -> NDArray[np.int64]:
    """Which of the fields along a length positions lie in; those beyond an end in the last there."""
    fields = 2 * round((length / dash - 1) / 2) + 1
    numbers: NDArray[np.int64] = at.clip(0, length - 1) * max(fields, 1) // length
    return numbers


def _labelled(canvas: Pixels, marks: Sequence[Mark], at: Sequence[Bounds | None], line: int, height: int) -> Pixels:
    """With labels in letters of a height, each at its mark."""
    size = canvas.shape[1], canvas.shape[0]
    written, taken = [], np.zeros((0, 4), dtype=np.int64)
    for mark, bounds in reversed(list(zip(marks, at, strict=True))):
        text, font = cut_end(mark.label, mark.value, size[0] - 2 * line, height, _LEAST_TEXT)
        if bounds is None or not text:
            continue
        ascent, descent = font.getmetrics()
        wide, high = round(font.getlength(text)) + 2 * line, ascent + descent + line
        plates = _plates(bounds, size, wide, high, mark.below)
        hidden = _covered(plates, taken) / (wide * high)
        best = int(np.argmin(hidden))
        if hidden[best] <= _HIDDEN:
            taken = np.concatenate([taken, plates[best : best + 1]])
            written.append((text, font, mark.colour))
    image = Image.fromarray(canvas)
    pen = ImageDraw.Draw(image)
    for (text, font, colour), (left, top, right, bottom) in reversed(list(zip(written, taken.tolist(), strict=True))):
        pen.rectangle((left, top, right - 1, bottom - 1), fill=colour)
        pen.text((left + line, top + line // 2), text, fill=contrast(colour), font=font)
    return np.asarray(image)


def _plates(bounds: Bounds, size: tuple[int, int], wide: int, high: int, below: bool) -> NDArray[np.int64]:
    """(8, 4) where a label of a width and height can lie at a mark, in `x1 y1 x2 y2`, the best first."""
    x1, y1, x2, y2 = bounds
    above = [y1 - high, y1] if y1 >= high else [y1, y1]
    under = [y2, y2 - high] if y2 + high <= size[1] else [y2 - high, y2 - high]
    (first, third), (second, fourth) = (under, above) if below else (above, under)
    lefts, tops = (x1, x2 - wide), (first, second, third, fourth)
    corners = np.array([(left, top) for top in tops for left in lefts])
    plate = np.array([wide, high])
    corners = np.maximum(np.minimum(corners, np.array(size) - plate), 0)
    return np.hstack([corners, corners + plate])


def _covered(plates: NDArray[np.int64], taken: NDArray[np.int64]) -> NDArray[np.int64]:
    """(P,) pixels of each of (P, 4) plates on the (T, 4) that are taken."""
    first = np.maximum(plates[:, None, :2], taken[:, :2])
    end = np.minimum(plates[:, None, 2:], taken[:, 2:])
    covered: NDArray[np.int64] = (end - first).clip(0).prod(axis=2).sum(axis=1)
    return covered
