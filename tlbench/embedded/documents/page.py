"""A page of the documents data set: everything drawn, seen through the camera, and exact boxes of what is visible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.config.size import Size
from tlbench.embedded.documents.barcodes import barcode
from tlbench.embedded.documents.camera import expose, light
from tlbench.embedded.documents.draws import Array, Colour, Draws
from tlbench.embedded.documents.held import pen_and_hand
from tlbench.embedded.documents.layout import Item, lay_out
from tlbench.embedded.documents.marks import VISIBLE, Mark, Patch, bounds, mark_of_patch, mark_of_strokes, paint
from tlbench.embedded.documents.pictures import logo, photo
from tlbench.embedded.documents.stamps import stamp
from tlbench.embedded.documents.strokes import pen_widths
from tlbench.embedded.documents.surface import desk_and_paper
from tlbench.embedded.documents.tables import table
from tlbench.embedded.documents.text import paragraph, title
from tlbench.embedded.documents.view import View, choose_size, look_at

LEAST_SHARE = 0.25  # of an element's ink that must be visible for a label
LEAST_SIZE = 3 / 320  # of the image's long side: width and height of a labelled box
LARGEST_PATCH = 1400  # pixels
FINER = 1.2  # patches are drawn a little finer than seen
PENS: tuple[Colour, ...] = (
    (35, 50, 150),
    (25, 30, 95),
    (60, 85, 190),
    (22, 22, 28),
    (55, 55, 60),
    (150, 25, 35),
    (20, 95, 65),
    (90, 40, 130),
)
PEN_WEIGHTS = (6, 5, 4, 6, 2, 1, 0.6, 0.8)
MAKERS: dict[str, Callable[[Draws, int, int, float], Patch]] = {
    "text": paragraph,
    "title": title,
    "table": table,
    "stamp": stamp,
    "logo": logo,
    "photo": photo,
    "barcode": barcode,
}
KINDS = (*MAKERS, "handwriting", "signature")
"""Of elements."""


@dataclass(frozen=True)
class Element:
    """Something labelled on a page.

    Attributes:
        kind: One of `KINDS`.
        box: x1, y1, x2, y2 in pixels, inside the image: the tight box of its visible ink.
    """

    kind: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Page:
    """An image and what is on it.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        elements: In the order they were drawn.
        kinds: (H, W) uint8: of the topmost mark in a pixel 1 + the position of its kind in `KINDS`; 0 where there is
            none, a printed line that is part of no element, or something held. Marks too small, or too much hidden,
            for a box are in it.
    """

    pixels: Array
    elements: tuple[Element, ...]
    kinds: NDArray[np.uint8]


def draw_page(seed: int, index: int, within: Size) -> Page:
    """Draw a page, a pure function of its arguments.

    Args:
        seed: The data set's seed, ≥ 0.
        index: The page's number, ≥ 0.
        within: Height and width, ≥ 32 pixels, of which the image has one; the other varies up to there.
    """
    draws = Draws(seed, index)
    size = height, width = choose_size(draws, within)
    side = max(size)
    sheet_height, items = lay_out(draws)
    calm = 1.0 if draws.chance(0.2) else draws.between(0, 0.7)
    view = _choose_view(draws, size, sheet_height, items, calm)
    canvas = desk_and_paper(draws, view, sheet_height)
    seen = [item for item in items if view.shows(item.corners())]
    signatures = [item for item in seen if item.kind == "signature"]
    held = draws.chance(0.3 * (1 - calm) + 0.05)
    writing = draws.pick(signatures) if held and signatures and draws.chance(0.8) else None
    marks: list[tuple[str, Mark]] = []
    colour = draws.pick(PENS, PEN_WEIGHTS)
    tip = (draws.between(0.1, 0.9) * width, draws.between(0.1, 0.9) * height)
    for item in seen:
        if item.kind in ("signature", "handwriting"):
            ink = draws.near(colour if draws.chance(0.7) else draws.pick(PENS, PEN_WEIGHTS), 12)
            part = draws.between(0.2, 1.0) if item is writing else 1.0
            mark, end = _pen_mark(draws, item, view, ink, part)
            tip = end if item is writing else tip
        else:
            mark = _printed_mark(draws, item, view)
        if mark is not None:
            marks.append((item.kind, mark))
    over = pen_and_hand(draws, tip, size, draws.between(0.012, 0.05) * side) if held else None
    elements, kinds = [], np.zeros(size, np.uint8)
    for kind, mark in marks:
        visible = _visible(mark, over[0] if over else None)
        box = bounds(visible)
        if box is None:
            continue
        paint(canvas, mark, box)
        h, w = visible.shape
        topmost = kinds[mark.top : mark.top + h, mark.left : mark.left + w]
        topmost[visible >= VISIBLE] = KINDS.index(kind) + 1 if kind in KINDS else 0
        x1, y1, x2, y2 = mark.left + box[0], mark.top + box[1], mark.left + box[2], mark.top + box[3]
        large = min(x2 - x1, y2 - y1) >= LEAST_SIZE * side
        if kind != "rule" and large and visible_share(mark, size, over[0] if over else None) >= LEAST_SHARE:
            elements.append(Element(kind, (float(x1), float(y1), float(x2), float(y2))))
    if over:
        cover, colours, shadow = over
        canvas *= shadow
        canvas += (colours - canvas) * cover
    canvas *= light(draws, height, width, calm)
    return Page(expose(draws, canvas, calm), tuple(elements), kinds)


def _choose_view(draws: Draws, size: tuple[int, int], sheet: float, items: list[Item], calm: float) -> View:
    """The whole sheet, a part of it, or a close-up of one item that takes 30 to 60 % of the image's width."""
    height, width = size
    whole = min(width, height / sheet)
    kind = draws.pick(("whole", "part", "close"), (3, 3, 4))
    if kind == "whole":
        scale = whole * (draws.between(0.97, 1.03) if calm == 1 else draws.between(0.75, 1.15))
        return look_at(draws, size, (draws.between(0.45, 0.55), sheet * draws.between(0.45, 0.55)), scale, calm)
    signatures = [item for item in items if item.kind == "signature"]
    others = [item for item in items if item.kind != "rule"] or items
    focus = (
        draws.pick(signatures if signatures and draws.chance(0.9) else others)
        if items
        else Item("", 0.2, 0.2, 0.3, 0.2)
    )
    if kind == "part":
        scale = max(width, height) * draws.spread(1.1, 2.4)
    else:
        scale = min(draws.between(0.25, 0.62) * width / focus.w, draws.between(0.6, 1.05) * height / max(focus.h, 0.02))
    x, y = focus.centre()
    away = 0.3 if kind == "part" else 0.2
    x, y = x + draws.between(-away, away) * width / scale, y + draws.between(-away, away) * height / scale
    return look_at(draws, size, (x, y), scale, calm)


def _printed_mark(draws: Draws, item: Item, view: View) -> Mark | None:
    scale = view.scale_at(*item.centre())
    if item.kind == "rule":
        ends = np.linspace((item.x, item.y), (item.x + item.w, item.y), 12)
        thick = np.array([max(0.7, 0.0015 * scale)])
        return mark_of_strokes([(view.to_image(ends), thick)], (50, 50, 55), 0.9, view.height, view.width)
    # Letters narrower or wider than the font's come from drawing with other numbers of pixels across than down.
    down = min(FINER * scale, LARGEST_PATCH / max(item.w, item.h))
    across = down * (draws.between(0.85, 1.25) if item.kind in ("text", "title", "table") else 1.0)
    w, h = max(2, round(item.w * across)), max(2, round(item.h * down))
    patch = MAKERS[item.kind](draws, w, h, max(2.0, item.pitch * down))
    corners = item.corners()
    right, bottom = (corners[1] - corners[0]) / w, (corners[3] - corners[0]) / h
    flat = np.array([[right[0], bottom[0], corners[0, 0]], [right[1], bottom[1], corners[0, 1]], [0, 0, 1.0]])
    return mark_of_patch(patch, view.matrix @ flat, view.height, view.width)


def _pen_mark(
    draws: Draws, item: Item, view: View, ink: Colour, part: float
) -> tuple[Mark | None, tuple[float, float]]:
    """The mark of the first `part` of an item's strokes, and where the pen is then."""
    nib = draws.spread(0.0022, 0.006) if draws.chance(0.93) else draws.between(0.008, 0.014)
    thick, contrast = max(0.8, nib * view.scale_at(*item.centre())), draws.between(0, 1)
    left = max(3, round(part * sum(map(len, item.strokes))))
    strokes = []
    for path in item.strokes:
        path = view.to_image(path[:left])
        left -= len(path)
        widths = pen_widths(path, contrast) * thick if item.kind == "signature" and len(path) > 2 else np.array([thick])
        strokes.append((path, widths))
        if left < 2:
            break
    x, y = strokes[-1][0][-1].tolist()
    return mark_of_strokes(strokes, ink, draws.between(0.7, 1.0), view.height, view.width), (x, y)


def _visible(mark: Mark, cover: Array | None) -> Array:
    """The mark's coverage without the pixels that something held hides."""
    if cover is None:
        return mark.coverage
    h, w = mark.coverage.shape
    return np.asarray(mark.coverage * (cover[mark.top : mark.top + h, mark.left : mark.left + w] < 0.5))


def visible_share(mark: Mark, size: tuple[int, int], cover: Array | None) -> float:
    """The share of a mark's ink that lies inside the image and under nothing held."""
    if not len(mark.points):
        return 0.0
    x, y = np.floor(mark.points).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < size[1]) & (y < size[0])
    if cover is not None:
        inside[inside] = cover[y[inside], x[inside]] < 0.5
    return float(inside.mean())
