"""Logos and photographs: the page's coloured pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tlbench.embedded.documents.draws import Colour, Draws
from tlbench.embedded.documents.marks import Patch
from tlbench.embedded.documents.text import line_mask, words


def whole(colour: Colour) -> tuple[int, int, int]:
    """A colour as Pillow wants it."""
    r, g, b = colour
    return int(r), int(g), int(b)


def vivid(draws: Draws) -> Colour:
    """A saturated colour."""
    level = draws.between(60, 230)
    channels = [level, level * draws.between(0, 0.9), level * draws.between(0, 0.35)]
    order = draws.pick(((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)))
    r, g, b = (channels[k] for k in order)
    return r, g, b


def logo(draws: Draws, width: int, height: int, _pitch: float) -> Patch:
    """A few flat shapes in one to three colours, with a wordmark beside them where there is room."""
    picture, mask = Image.new("RGB", (width, height)), Image.new("L", (width, height))
    pens = ImageDraw.Draw(picture), ImageDraw.Draw(mask)
    colours = [vivid(draws) for _ in range(draws.count(1, 3))]
    size = min(width, height)
    for layer in range(draws.count(1, 4)):
        reach = size * (0.49 if layer == 0 else draws.between(0.12, 0.35))
        x, y = (size / 2 + (size / 2 - reach) * draws.between(-1, 1) for _ in range(2))
        kind = draws.pick(("circle", "ring", "polygon", "bars"))
        hole = layer > 0 and draws.chance(0.4)
        turn, sides, thick = draws.between(0, 360), draws.count(3, 6), max(1, round(reach * draws.between(0.2, 0.5)))
        for pen, ink in zip(pens, (whole(draws.pick(colours)), 0 if hole else 255), strict=True):
            box = (x - reach, y - reach, x + reach, y + reach)
            if kind == "circle":
                pen.ellipse(box, fill=ink)
            elif kind == "ring":
                pen.ellipse(box, outline=ink, width=thick)
            elif kind == "polygon":
                pen.regular_polygon((x, y, reach), sides, turn, fill=ink)
            else:
                for bar in range(3):
                    left = x - reach + bar * reach * 0.7
                    pen.rectangle(
                        (left, y - reach * (0.4 + 0.3 * (sides + bar) % 0.6), left + reach * 0.5, y + reach), fill=ink
                    )
    if width > 1.6 * height:
        face = line_mask(
            words(draws, draws.count(3, 9)).title(), max(6, round(height * draws.between(0.35, 0.6))), bold=True
        )
        face = face.crop((0, 0, min(face.width, round(width - 1.1 * size)), min(height, face.height)))
        place = (round(1.1 * size), (height - face.height) // 2)
        picture.paste(whole(draws.pick(colours)), (*place, place[0] + face.width, place[1] + face.height))
        mask.paste(face, place)
    return Patch(mask, picture, 1.0, ink=False)


def photo(draws: Draws, width: int, height: int, _pitch: float) -> Patch:
    """A portrait, a landscape, or bright things on a ground; in colour or grey, sometimes with a white edge."""
    ground = np.stack([draws.clouds(height, width, draws.count(2, 6)) for _ in range(3)], 2)
    base = np.array([draws.between(60, 220) for _ in range(3)], np.float32)
    picture = Image.fromarray(np.clip(base + ground * draws.between(10, 90), 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    kind = draws.pick(("portrait", "landscape", "things"))
    if kind == "portrait":
        skin = draws.near(draws.pick(((224, 180, 150), (150, 100, 70), (95, 65, 50))), 20)
        x, y, r = (
            width * draws.between(0.42, 0.58),
            height * draws.between(0.36, 0.45),
            min(width, height) * draws.between(0.2, 0.28),
        )
        pen.ellipse((x - 2 * r, y + 1.15 * r, x + 2 * r, y + 6 * r), fill=whole(draws.near((80, 80, 90), 75)))
        pen.ellipse(
            (x - 1.15 * r, y - 1.5 * r, x + 1.15 * r, y + draws.between(0.5, 1.4) * r),
            fill=whole(draws.near((50, 40, 35), 35)),
        )
        pen.ellipse((x - 0.85 * r, y - 1.1 * r, x + 0.85 * r, y + 1.25 * r), fill=whole(skin))
    elif kind == "landscape":
        for depth in range(draws.count(2, 4)):
            heights = height * (0.45 + 0.15 * depth + draws.uniform(-0.15, 0.15, 7))
            hills = list(zip((np.arange(7) / 6 * width).tolist(), heights.tolist(), strict=True))
            pen.polygon([*hills, (width, height), (0, height)], fill=whole(draws.near((90, 110, 80), 60)))
    else:
        for _ in range(draws.count(2, 7)):
            x, y, r = (
                width * draws.between(0, 1),
                height * draws.between(0, 1),
                min(width, height) * draws.between(0.08, 0.35),
            )
            shape = pen.ellipse if draws.chance(0.5) else pen.rectangle
            shape((x - r, y - r * draws.between(0.5, 1), x + r, y + r), fill=whole(vivid(draws)))
    if draws.chance(0.3):
        picture = picture.convert("L").convert("RGB")
    if draws.chance(0.2):
        ImageDraw.Draw(picture).rectangle(
            (0, 0, width - 1, height - 1), outline=(250, 250, 250), width=max(1, width // 20)
        )
    return Patch(Image.new("L", (width, height), 255), picture, 1.0, ink=False)
