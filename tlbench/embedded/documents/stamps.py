"""Rubber stamps: a round one with text along its ring, or a framed word; in one ink, worn."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tlbench.embedded.documents.draws import Array, Colour, Draws
from tlbench.embedded.documents.marks import Patch
from tlbench.embedded.documents.text import line_mask, words

INKS: tuple[Colour, ...] = ((190, 30, 40), (30, 50, 160), (80, 40, 140), (20, 110, 70), (40, 40, 50), (200, 60, 110))


def stamp(draws: Draws, width: int, height: int, _pitch: float) -> Patch:
    """A stamp that fills the patch; round where it is about as wide as high."""
    round_one = 0.75 < width / height < 1.34
    drawn = _round(draws, width, height) if round_one else _framed(draws, width, height)
    worn = np.clip(0.75 + draws.clouds(height, width, draws.count(3, 9)) * draws.between(0.1, 0.8), 0.25, 1)
    mask = Image.fromarray(np.asarray(np.asarray(drawn) * worn, dtype=np.uint8))
    return Patch(mask, draws.near(draws.pick(INKS), 25), draws.between(0.5, 0.95))


def _round(draws: Draws, width: int, height: int) -> Image.Image:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = (x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1
    radius, angle = np.hypot(x, y), np.arctan2(y, x) / (2 * np.pi) + 0.5
    pixel = 2 / min(width, height)
    thick = max(0.07, 1.3 * pixel)

    def ring(at: float, wide: float) -> Array:
        return np.asarray(np.clip((wide / 2 - np.abs(radius - at)) / pixel + 0.5, 0, 1))

    cover = ring(1 - thick / 2, thick)
    inner = draws.between(0.5, 0.68)
    if draws.chance(0.7):
        cover = np.maximum(cover, ring(inner, max(0.04, pixel)))
    # Text along the ring: a straight strip, looked up by angle and radius.
    size = max(6, round(min(width, height) * 0.14))
    text = words(draws, draws.count(18, 34)).upper() + draws.pick((" * ", " - ", "  "))
    strip = np.asarray(line_mask(text, size, bold=True), dtype=np.float32) / 255
    across = (0.97 - thick - radius) / (0.95 - thick - inner)
    row, column = across * strip.shape[0], angle * (strip.shape[1] - 1)
    inside = (row >= 0) & (row < strip.shape[0])
    letters = strip[np.clip(row, 0, strip.shape[0] - 1).astype(int), column.astype(int)]
    cover = np.maximum(cover, np.where(inside, letters, 0))
    out = Image.fromarray(np.asarray(cover * 255, dtype=np.uint8))
    pen = ImageDraw.Draw(out)
    middle, reach = (width / 2, height / 2), min(width, height) * inner * 0.36
    kind = draws.pick(("star", "word", "emblem"))
    if kind == "star":
        turns = np.arange(10) * np.pi / 5 - np.pi / 2
        lengths = np.resize([1.0, 0.42], 10) * reach
        pen.polygon(
            [(middle[0] + r * np.cos(t), middle[1] + r * np.sin(t)) for t, r in zip(turns, lengths, strict=True)], 255
        )
    elif kind == "word":
        face = line_mask(words(draws, draws.count(3, 7)).upper(), max(6, round(reach * 0.7)), bold=True)
        face.thumbnail((max(1, round(reach * 2.2)), max(1, round(reach * 2.2))))
        out.paste(255, (round(middle[0] - face.width / 2), round(middle[1] - face.height / 2)), face)
    else:
        for part in (1.0, 0.6):
            sides = draws.count(3, 7)
            pen.regular_polygon((*middle, reach * part), sides, draws.between(0, 360), 255 if part == 1 else 0)
    return out


def _framed(draws: Draws, width: int, height: int) -> Image.Image:
    out = Image.new("L", (width, height))
    pen = ImageDraw.Draw(out)
    line = max(1, round(min(width, height) * draws.between(0.04, 0.09)))
    pen.rounded_rectangle((0, 0, width - 1, height - 1), draws.between(0, 0.2) * height, outline=255, width=line)
    if draws.chance(0.4) and min(width, height) > 5 * line:
        pen.rectangle(
            (2 * line, 2 * line, width - 1 - 2 * line, height - 1 - 2 * line), outline=255, width=max(1, line // 2)
        )
    rows = draws.pick((1, 2, 3), (5, 3, 1))
    room = max(2, (height - 6 * line) // rows)
    for row in range(rows):
        text = (
            words(draws, draws.count(5, 9)).upper()
            if row == 0
            else f"{draws.count(1, 31)}.{draws.count(1, 12)}.20{draws.count(10, 29)}"
        )
        face = line_mask(text, max(6, round(room * 0.95)), bold=True)
        face = face.crop(face.getbbox())
        face.thumbnail((max(1, width - 6 * line), max(1, round(room * 0.85))))
        out.paste(255, ((width - face.width) // 2, 3 * line + row * room + (room - face.height) // 2), face)
    return out
