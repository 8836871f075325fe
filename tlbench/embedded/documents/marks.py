"""What an element leaves on the image: coverage per pixel, from a patch or from strokes, and its exact box."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from tlbench.embedded.documents.draws import Array, Colour
from tlbench.embedded.documents.view import transform

VISIBLE = 0.2  # coverage of a pixel from which on it counts as drawn
FINER = 3  # strokes are drawn this much finer and averaged


@dataclass(frozen=True)
class Patch:
    """An element drawn flat, before the camera.

    Attributes:
        mask: "L" image, the share of a pixel that is covered.
        colour: One colour, or an "RGB" image of the mask's size.
        opacity: Of the ink, in [0, 1].
        ink: Whether the paper shines through as through ink (multiplied); else the colour covers it.
    """

    mask: Image.Image
    colour: Colour | Image.Image
    opacity: float = 1.0
    ink: bool = True


@dataclass(frozen=True)
class Mark:
    """An element on the image.

    Attributes:
        left: Column of the coverage's first pixel.
        top: Row of the coverage's first pixel.
        coverage: (h, w) float32 in [0, 1].
        colour: (3, 1, 1) or (3, h, w) float32 in [0, 255].
        points: (K, 2) pixel positions spread evenly over the element's ink, those outside the image included.
        opacity: As of `Patch`.
        ink: As of `Patch`.
    """

    left: int
    top: int
    coverage: Array
    colour: Array
    points: Array
    opacity: float
    ink: bool


def window(points: Array, height: int, width: int, margin: float) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the image's pixels around (N, 2) points; None where there are none."""
    low, high = np.floor(points.min(0) - margin), np.ceil(points.max(0) + margin)
    left, top = max(0, int(low[0])), max(0, int(low[1]))
    right, bottom = min(width, int(high[0])), min(height, int(high[1]))
    return (left, top, right, bottom) if right > left and bottom > top else None


def mark_of_patch(patch: Patch, matrix: Array, height: int, width: int) -> Mark | None:
    """A patch seen through a homography of its own pixels to the image's; None where it misses the image."""
    w, h = patch.mask.size
    place = window(transform(matrix, np.array([[0, 0], [w, 0], [w, h], [0, h]], float)), height, width, 0)
    if place is None:
        return None
    left, top, right, bottom = place
    shift = np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])
    back = np.linalg.inv(matrix) @ shift
    coefficients = tuple((back / back[2, 2]).ravel()[:8].tolist())
    out, how = (right - left, bottom - top), Image.Transform.PERSPECTIVE
    mask = np.asarray(patch.mask.transform(out, how, coefficients, Image.Resampling.BILINEAR), dtype=np.float32)
    if isinstance(patch.colour, Image.Image):
        seen = patch.colour.transform(out, how, coefficients, Image.Resampling.BILINEAR)
        colour = np.asarray(seen, dtype=np.float32).transpose(2, 0, 1)
    else:
        colour = np.array(patch.colour, dtype=np.float32)[:, None, None]
    step = max(1, min(w, h) // 24)
    rows, columns = np.nonzero(np.asarray(patch.mask)[::step, ::step] > 255 * VISIBLE)
    points = transform(matrix, np.stack([columns, rows], 1) * float(step) + 0.5)
    return Mark(left, top, mask / 255, colour, points, patch.opacity, patch.ink)


def mark_of_strokes(
    strokes: list[tuple[Array, Array]], colour: Colour, opacity: float, height: int, width: int
) -> Mark | None:
    """Pen strokes on the image; None where they miss it.

    Args:
        strokes: Per stroke (N, 2) pixel positions, close to each other, and (N,) or (1,) widths of the pen in pixels.
        colour: Of the ink.
        opacity: Of the ink.
        height: Of the image.
        width: Of the image.
    """
    points = np.concatenate([path for path, _ in strokes])
    widest = max(float(widths.max()) for _, widths in strokes)
    place = window(points, height, width, widest / 2 + 1)
    if place is None:
        return None
    left, top, right, bottom = place
    fine = Image.new("L", ((right - left) * FINER, (bottom - top) * FINER))
    pen = ImageDraw.Draw(fine)
    for path, widths in strokes:
        _stroke(pen, (path - (left, top)) * FINER, widths * FINER)
    coverage = np.asarray(fine.reduce(FINER), dtype=np.float32) / 255
    return Mark(left, top, coverage, np.array(colour, dtype=np.float32)[:, None, None], points, opacity, True)


def _stroke(pen: ImageDraw.ImageDraw, path: Array, widths: Array) -> None:
    """Runs of points under the same whole width are one line each; thick lines get round joints."""
    whole = np.broadcast_to(np.maximum(1, np.rint(widths)).astype(int), (len(path),))
    # Pillow's line lies on whole pixels: the half-pixel shift of continuous coordinates is taken back here.
    corners = (path - 0.5).ravel().tolist()
    starts = [0, *(np.flatnonzero(np.diff(whole)) + 1).tolist(), len(path) - 1]
    for start, end in pairwise(starts):
        pen.line(corners[2 * start : 2 * end + 2], fill=255, width=int(whole[start]))
    for place in np.flatnonzero(whole > 4).tolist():
        (x, y), reach = path[place].tolist(), (int(whole[place]) - 1) / 2
        pen.ellipse((x - 0.5 - reach, y - 0.5 - reach, x - 0.5 + reach, y - 0.5 + reach), fill=255)


def bounds(coverage: Array) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom (exclusive) of the pixels that count as drawn in (h, w) coverage; None without any."""
    drawn = coverage >= VISIBLE
    columns, rows = np.flatnonzero(drawn.any(0)), np.flatnonzero(drawn.any(1))
    if not len(columns):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def paint(canvas: Array, mark: Mark, box: tuple[int, int, int, int]) -> None:
    """Paint a mark's part inside `box` (left, top, right, bottom in the mark's own pixels) on (3, H, W) float32."""
    left, top, right, bottom = box
    cover = mark.coverage[top:bottom, left:right] * np.float32(mark.opacity)
    colour = mark.colour[:, top:bottom, left:right] if mark.colour.shape[1:] != (1, 1) else mark.colour
    area = canvas[:, mark.top + top : mark.top + bottom, mark.left + left : mark.left + right]
    if mark.ink:
        area *= 1 - cover * (1 - colour / np.float32(255))
    else:
        area += (colour - area) * cover
