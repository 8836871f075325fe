"""What lies under the ink: the desk, the sheet of paper on it with its shadow, printed rules and patterns."""

from __future__ import annotations

import numpy as np

from tlbench.embedded.documents.draws import Array, Colour, Draws
from tlbench.embedded.documents.view import View

DESKS: tuple[Colour, ...] = (
    (70, 50, 35),
    (120, 85, 55),
    (165, 130, 95),
    (40, 40, 45),
    (95, 95, 100),
    (170, 175, 180),
    (40, 60, 80),
)
PAPERS: tuple[Colour, ...] = (
    (250, 250, 248),
    (240, 232, 212),
    (228, 230, 232),
    (222, 234, 245),
    (250, 240, 190),
    (245, 220, 222),
    (205, 185, 150),
)
PAPER_WEIGHTS = (10, 3, 3, 2, 1, 1, 1)


def desk_and_paper(draws: Draws, view: View, height: float) -> Array:
    """Draw the sheet (1 wide, `height` high, in page units) on its desk.

    Returns:
        (3, H, W) float32 in about [0, 255].
    """
    x, y = view.page_grid()
    pixel = 1 / view.scale_at(0.5, height / 2)
    edge = np.maximum(np.abs(x - 0.5) - 0.5, np.abs(y - height / 2) - height / 2)  # > 0 outside the sheet
    paper = np.clip(0.5 - edge / np.float32(pixel), 0, 1)
    colour = np.array(draws.near(draws.pick(PAPERS, PAPER_WEIGHTS), 8), np.float32)[:, None, None]
    grain = 1 + draws.clouds(view.height, view.width, draws.count(2, 12)) * np.float32(draws.between(0, 0.03))
    sheet = grain * _print(draws, x, y, pixel) * colour
    if paper.min() == 1:
        return np.asarray(sheet)
    desk = _desk(draws, view, x, y)
    reach, dx, dy = draws.spread(0.01, 0.15), draws.between(-0.02, 0.02), draws.between(-0.02, 0.02)
    away = np.maximum(np.abs(x - 0.5 - dx) - 0.5, np.abs(y - height / 2 - dy) - height / 2)
    desk *= 1 - np.float32(draws.between(0.1, 0.7)) * np.clip(1 - away / np.float32(reach), 0, 1)
    desk += (sheet - desk) * paper
    return desk


def _desk(draws: Draws, view: View, x: Array, y: Array) -> Array:
    colour = np.array(draws.near(draws.pick(DESKS), 25), np.float32)[:, None, None]
    shade: Array = 1 + draws.clouds(view.height, view.width, draws.count(2, 20)) * np.float32(draws.between(0.02, 0.3))
    if draws.chance(0.4):  # wood: stripes that wander
        wander = (
            x * draws.between(20, 90)
            + y * draws.between(-8, 8)
            + draws.clouds(view.height, view.width, 4) * draws.between(0.5, 3)
        )
        shade = shade + np.float32(draws.between(0.03, 0.12)) * np.sin(wander.astype(np.float32))
    return np.asarray(shade * colour)


def _print(draws: Draws, x: Array, y: Array, pixel: float) -> Array | np.float32:
    """What is printed all over the sheet, as a factor: nothing, rules, squares, or the waves of a security paper."""
    kind = draws.pick(("plain", "rules", "squares", "waves"), (20, 3, 1, 1))
    if kind == "plain":
        return np.float32(1)
    depth = np.float32(draws.between(0.06, 0.3))
    if kind == "waves":
        rate = draws.between(60, 200)
        return np.asarray(
            1 - depth / 2 * (1 + np.sin(y * rate + np.sin(x * draws.between(5, 40)) * draws.between(1, 4)))
        )
    pitch = draws.between(0.02, 0.05)

    def lines(at: Array) -> Array:
        off = np.abs((at / np.float32(pitch)) % 1 - np.float32(0.5)) * np.float32(pitch)
        return np.asarray(np.clip(1.1 - off / np.float32(max(pixel, 1e-3)), 0, 1))

    cover = lines(y) if kind == "rules" else np.maximum(lines(y), lines(x))
    return np.asarray(1 - depth * cover)
