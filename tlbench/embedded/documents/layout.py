"""Where things lie on a sheet: letters, forms, receipts, notes. Lengths in page units: 1 is the sheet's width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlbench.embedded.documents.draws import Array, Draws
from tlbench.embedded.documents.notes import note
from tlbench.embedded.documents.signatures import signature

SHEETS = (1.414, 1.294, 0.707, 1.0, 2.2, 0.5)  # height / width: A4, letter, landscape, square, receipt, cheque
SHEET_WEIGHTS = (9.0, 3.0, 2.0, 1.0, 1.0, 1.5)
WITHOUT_SIGNATURE = 0.07  # of the sheets; some more show none because the view misses it
BLOCKS = ("text", "pair", "table", "photo", "barcode", "form", "note", "space")
BLOCK_WEIGHTS = (9.0, 3.0, 2.2, 1.2, 1.0, 2.5, 1.6, 1.0)


@dataclass(frozen=True)
class Item:
    """Something to draw.

    Attributes:
        kind: An element's kind, or "rule": a printed line that is part of no element.
        x: Left.
        y: Top.
        w: Width.
        h: Height.
        pitch: From one line of text to the next.
        turn: Clockwise about its centre, radians.
        strokes: What the pen does, for signatures and handwriting: (N, 2) page points each.
    """

    kind: str
    x: float
    y: float
    w: float
    h: float
    pitch: float = 0.02
    turn: float = 0.0
    strokes: tuple[Array, ...] = ()

    def centre(self) -> tuple[float, float]:
        """The middle."""
        return self.x + self.w / 2, self.y + self.h / 2

    def corners(self) -> Array:
        """(4, 2) page points, turned, from the top left one clockwise."""
        flat = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (self.w / 2, self.h / 2)
        return turned(flat, self.turn) + self.centre()


def turned(points: Array, angle: float) -> Array:
    """(N, 2) points turned about the origin, clockwise where y points down."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]))


def written(kind: str, strokes: list[Array], x: float, y: float, w: float, h: float, turn: float) -> Item:
    """Strokes fitted into a room, its bottom left corner kept; the item is as large as they are."""
    every = np.concatenate(strokes)
    scale = min(w, h / max(float(np.ptp(every[:, 1])), 0.05))
    moved = [turned(s * scale, turn) for s in strokes]
    every = np.concatenate(moved)
    low, (wide, high) = every.min(0), np.ptp(every, axis=0).tolist()
    left, top = x, y + h - high
    return Item(kind, left, top, wide, high, strokes=tuple(s - low + (left, top) for s in moved))


def lay_out(draws: Draws) -> tuple[float, list[Item]]:
    """A sheet: its height and its items, handwriting last."""
    height = draws.pick(SHEETS, SHEET_WEIGHTS)
    pitch = draws.spread(0.016, 0.042)
    margin = draws.between(0.04, 0.12)
    printed: list[Item] = []
    pens: list[Item] = []
    y = _head(draws, printed, margin, pitch)
    signed = not draws.chance(WITHOUT_SIGNATURE)
    zone = draws.between(0.16, 0.32) if signed else 0.0
    early = draws.chance(0.3)  # signatures not at the foot but between blocks
    end = height - margin - (0 if early else zone)
    sparse = draws.chance(0.15)
    while y < end - 1.5 * pitch:
        if early and zone and draws.chance(0.35):
            y = _signatures(draws, printed, pens, margin, y, zone, pitch)
            zone = 0.0
        kind = "space" if sparse and draws.chance(0.6) else draws.pick(BLOCKS, BLOCK_WEIGHTS)
        y = _block(draws, printed, pens, kind, margin, y, end, pitch) + pitch * draws.between(0.4, 1.6)
    if zone:
        foot = min(y, height - margin - zone) if early else min(y, end)
        _signatures(draws, printed, pens, margin, foot, zone, pitch)
    if draws.chance(0.3):
        _stamp(draws, printed, draws.between(0.05, 0.8), draws.between(0.2, 0.85) * height, draws.between(0.12, 0.26))
    if draws.chance(0.2):  # a word in the margin, or across the print
        at, room = (draws.between(0.02, 0.7), draws.between(0.05, 0.8) * height), draws.between(0.06, 0.3)
        pens.append(written("handwriting", note(draws), *at, room, 0.12, draws.between(-0.3, 0.2)))
    if signed and draws.chance(0.12):  # a large one across the print
        at, room = (draws.between(0.1, 0.4), draws.between(0.2, 0.6) * height), draws.between(0.25, 0.55)
        pens.append(written("signature", signature(draws), *at, room, room, draws.between(-0.3, 0.1)))
    return height, printed + pens


def _head(draws: Draws, printed: list[Item], margin: float, pitch: float) -> float:
    y, inner = margin, 1 - 2 * margin
    if draws.chance(0.55):
        size = draws.between(0.07, 0.15)
        wide = size * draws.pick((1.0, 1.0, 2.5, 3.5))
        left = draws.chance(0.6)
        printed.append(Item("logo", margin if left else 1 - margin - wide, y, wide, size))
        if draws.chance(0.6):
            lines = max(1, int(size / pitch))
            w = min(draws.between(0.2, 0.4), inner - wide - 0.05)
            printed.append(Item("text", 1 - margin - w if left else margin, y, w, lines * pitch, pitch))
        y += size + pitch
    if draws.chance(0.65):
        high = pitch * draws.between(1.3, 2.8)
        w = min(inner, draws.between(0.3, 0.9))
        printed.append(Item("title", margin + draws.pick((0.0, (inner - w) / 2)), y, w, high, pitch))
        y += high + pitch * 0.7
    return y


def _stamp(draws: Draws, printed: list[Item], x: float, y: float, size: float) -> None:
    ratio = 1.0 if draws.chance(0.6) else draws.between(0.3, 0.55)
    printed.append(Item("stamp", x, y, size if ratio == 1 else size * 1.4, size * ratio, turn=draws.between(-0.5, 0.5)))


def _block(
    draws: Draws, printed: list[Item], pens: list[Item], kind: str, x: float, y: float, end: float, pitch: float
) -> float:
    """Add a block below `y` and tell where it ends."""
    inner, room = 1 - 2 * x, end - y
    if kind == "text":
        lines = min(draws.count(1, 9), max(1, int(room / pitch)))
        if draws.chance(0.25) and lines > 2:
            printed.append(Item("title", x, y, draws.between(0.25, 0.6), pitch * 1.25, pitch))
            y += pitch * 1.6
        printed.append(Item("text", x, y, inner, lines * pitch, pitch))
        return y + lines * pitch
    if kind == "pair":
        w, high = inner / 2 - 0.02, min(draws.between(0.08, 0.3), max(room, 2 * pitch))
        for left in (x, 1 - x - w):
            part = draws.pick(("text", "photo", "table", "stamp"), (6, 1, 1, 1))
            if part == "stamp":
                size = min(high, w, draws.between(0.1, 0.24))
                _stamp(draws, printed, left + draws.between(0, w - size), y, size)
            else:
                printed.append(
                    Item(part, left, y, w, max(1, int(high / pitch)) * pitch if part == "text" else high, pitch)
                )
        return y + high
    if kind == "table":
        high = min(draws.between(0.1, 0.4), room)
        w = inner if draws.chance(0.7) else inner * draws.between(0.45, 0.9)
        printed.append(Item("table", x, y, w, high, pitch))
        return y + high if high > 3 * pitch else end
    if kind == "photo":
        w = draws.between(0.12, 0.5)
        high = min(w * draws.pick((0.67, 1.0, 1.3)), max(room, 0.1))
        left = draws.between(x, 1 - x - w)
        printed.append(Item("photo", left, y, w, high))
        if left - x > 0.25:
            printed.append(
                Item("text", x, y, left - x - 0.03, max(1, int(high * draws.between(0.3, 1) / pitch)) * pitch, pitch)
            )
        return y + high
    if kind == "barcode":
        w, high = draws.pick(((draws.between(0.2, 0.4), draws.between(0.06, 0.1)), (0.14, 0.14), (0.2, 0.2)))
        printed.append(Item("barcode", draws.between(x, 1 - x - w), y, w, high))
        return y + high
    if kind == "form":
        return _form(draws, printed, pens, x, y, end, pitch)
    if kind == "note":
        w, high = draws.between(0.15, 0.7), min(draws.between(0.05, 0.2), max(room, 0.05))
        pens.append(
            written("handwriting", note(draws), draws.between(x, 1 - x - w), y, w, high, draws.between(-0.08, 0.04))
        )
        return y + high
    return y + draws.between(1, 5) * pitch


def _form(draws: Draws, printed: list[Item], pens: list[Item], x: float, y: float, end: float, pitch: float) -> float:
    """Labels with ruled lines behind them, some filled in by hand."""
    label = draws.between(0.1, 0.3)
    for _ in range(draws.count(1, 5)):
        if y + 2 * pitch > end:
            break
        printed.append(Item("text", x, y, label, pitch, pitch))
        printed.append(Item("rule", x + label + 0.01, y + pitch * 0.85, 1 - 2 * x - label - 0.01, 0.0))
        if draws.chance(0.3):
            w = draws.between(0.1, 0.4)
            pens.append(written("handwriting", note(draws), x + label + 0.03, y - pitch * 0.5, w, pitch * 1.4, 0.0))
        y += pitch * draws.between(1.6, 2.2)
    return y


def _signatures(
    draws: Draws, printed: list[Item], pens: list[Item], margin: float, y: float, zone: float, pitch: float
) -> float:
    """A row of one to three signatures, each with a rule and a label as often as not, maybe a stamp beside; its end."""
    slots = draws.pick((1, 2, 3), (6, 3, 1))
    inner = 1 - 2 * margin
    stamped = draws.chance(0.25)
    for slot in range(slots):
        w = min(draws.spread(0.14, 0.5), inner / slots * 0.9)
        spare = inner / slots - w
        left = margin + inner / slots * slot + (draws.between(0, spare) if spare > 0 else 0)
        if draws.chance(0.6):
            printed.append(Item("rule", left - 0.02, y + zone * 0.75, w + 0.04, 0.0))
        if draws.chance(0.6):
            above = draws.chance(0.3)
            row = y - pitch * 0.2 if above else y + zone * 0.75 + pitch * 0.4
            printed.append(Item("text", left, row, w * draws.between(0.3, 1.0), pitch, pitch))
        if stamped and slot + 1 == slots:
            size = draws.between(0.12, 0.24)
            _stamp(
                draws,
                printed,
                min(1 - size, max(0.0, left + draws.pick((-1, 1)) * size * draws.between(0.5, 1.2))),
                y,
                size,
            )
        if slot and draws.chance(0.3):  # an empty place to sign
            continue
        lift = draws.between(-0.15, 0.25) * zone
        pens.append(written("signature", signature(draws), left, y - lift, w, zone * 0.9, draws.between(-0.25, 0.12)))
    return y + zone
