"""Printed text: words of random letters in Pillow's built-in font, or bars where they would be too small."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tlbench.embedded.documents.draws import Array, Draws
from tlbench.embedded.documents.marks import Patch

LETTERS = "eeeeeetttttaaaaooooiiiinnnnsssshhhrrrddlllccuummwwffggyyppbbvk"  # about as often as in English
STRIPS = 6  # per size and style: lines of text are cut from these
LEAST = 7  # pixels of line pitch below which text is greeked
INKS = ((20.0, 20.0, 24.0), (45.0, 45.0, 50.0), (80.0, 80.0, 85.0), (30.0, 35.0, 70.0), (60.0, 40.0, 30.0))


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's built-in font at a size in pixels.

    Raises:
        ImportError: Pillow was built without FreeType.
    """
    loaded = ImageFont.load_default(size)
    assert isinstance(loaded, ImageFont.FreeTypeFont)  # a given size asks for it
    return loaded


def words(draws: Draws, length: int) -> str:
    """About `length` characters of words without meaning."""
    places = draws.uniform(0, len(LETTERS), length).astype(int).tolist()
    left, text = draws.count(1, 9), []
    for place in places:
        left -= 1
        text.append(LETTERS[place] if left else " ")
        left = left or draws.count(2, 11)
    return "".join(text).strip() or "no"


def line_mask(text: str, size: int, bold: bool) -> Image.Image:
    """The mask of one line, size · 1.3 high and as wide as it needs."""
    face = font(size)
    out = Image.new("L", (max(1, int(face.getlength(text)) + 2), round(size * 1.3)))
    pen = ImageDraw.Draw(out)
    pen.text((0, 0), text, fill=255, font=face)
    if bold:
        pen.text((max(1, size // 14), 0), text, fill=255, font=face)
    return out


@lru_cache(maxsize=256)
def strip(size: int, bold: bool, number: int) -> tuple[Image.Image, tuple[int, ...]]:
    """A long line of text, a function of its arguments alone, and the columns where its words start."""
    draws = Draws(size, number)
    text = ". ".join(words(draws, draws.count(30, 70)).capitalize() for _ in range(4))
    mask = line_mask(text, size, bold)
    ends = accumulate(font(size).getlength(word + " ") for word in text.split(" "))
    return mask, (0, *(int(end) for end in ends))


def greeked(draws: Draws, width: int, height: int) -> Array:
    """(height, width) uint8: one line of text as bars, with ragged columns as blurred letters have."""
    columns = draws.uniform(0.35, 1.0, width)
    at = 0
    while at < width:
        at += max(2, int(height * draws.between(0.8, 4.5)))
        columns[at : at + max(1, round(height * 0.35))] = 0
        at += max(1, round(height * 0.35))
    rows = np.zeros(height, np.float32)
    rows[round(height * 0.25) : max(round(height * 0.25) + 1, round(height * 0.75))] = 1
    return np.asarray(rows[:, None] * columns * 255, dtype=np.uint8)


def _size(pitch: int) -> int:
    """The font's size for a line pitch; large ones in steps, so that few strips serve all."""
    size = max(5, round(pitch * 0.8))
    return size if size < 16 else size // 3 * 3


def paste_line(draws: Draws, mask: Image.Image, place: tuple[int, int], width: int, pitch: int, bold: bool) -> None:
    """Paste a line of text of this width, letters or bars, on an "L" mask, its top left corner at `place`."""
    if width < 2:
        return
    if pitch < LEAST:
        mask.paste(Image.fromarray(greeked(draws, width, max(2, pitch))), place)
        return
    source, starts = strip(_size(pitch), bold, draws.count(0, STRIPS - 1))
    fitting = [start for start in starts if start + width <= source.width] or [0]
    start = draws.pick(fitting)
    mask.paste(source.crop((start, 0, min(source.width, start + width), min(source.height, max(2, pitch)))), place)


def paragraph(draws: Draws, width: int, height: int, pitch: float) -> Patch:
    """Lines of running text.

    Args:
        draws: The page's random numbers.
        width: Of the patch, in pixels.
        height: Of the patch, in pixels.
        pitch: From line to line, in pixels.
    """
    mask = Image.new("L", (width, height))
    bold, ragged, listed = draws.chance(0.12), draws.between(0, 0.18), draws.chance(0.15)
    lines = max(1, round(height / pitch))
    for line in range(lines):
        share = 1 - ragged * draws.between(0, 1)
        if line + 1 == lines and lines > 1:
            share = draws.between(0.2, 1)
        start = round(pitch * 1.4) if listed else 0
        if listed and line % 3 == 0:
            x, y = round(pitch * 0.4), round((line + 0.3) * pitch)
            mask.paste(255, (x, y, x + max(1, round(pitch * 0.35)), y + max(1, round(pitch * 0.35))))
        paste_line(draws, mask, (start, round(line * pitch)), int((width - start) * share), int(pitch), bold)
    return Patch(mask, draws.pick(INKS), draws.between(0.65, 1.0))


def title(draws: Draws, width: int, height: int, pitch: float) -> Patch:
    """A heading: one line in large, bold letters, often capitals or numbered."""
    text = words(draws, draws.count(5, 26))
    text = draws.pick((text.upper(), text.title(), text.capitalize()))
    if draws.chance(0.3):
        text = f"{draws.count(1, 20)}. {text}"
    drawn = line_mask(text, max(5, round(height * 0.8)), bold=draws.chance(0.8))
    mask = Image.new("L", (width, height))
    spare = max(0, width - drawn.width)
    mask.paste(drawn.crop((0, 0, min(width, drawn.width), min(height, drawn.height))), (draws.pick((0, spare // 2)), 0))
    if pitch > 5 and draws.chance(0.15):
        mask.paste(255, (0, height - max(1, height // 14), width, height))
    colour = (
        draws.pick(INKS) if draws.chance(0.75) else (draws.between(0, 160), draws.between(0, 90), draws.between(0, 160))
    )
    return Patch(mask, colour, draws.between(0.75, 1.0))
