"""Tables: cells of short texts with rules of several fashions between them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tlbench.embedded.documents.draws import Draws
from tlbench.embedded.documents.marks import Patch
from tlbench.embedded.documents.text import INKS, paste_line


def table(draws: Draws, width: int, height: int, pitch: float) -> Patch:
    """A table of about height / (1.5 pitch) rows; all sizes in pixels."""
    mask = Image.new("L", (width, height))
    rows = max(2, round(height / (pitch * draws.between(1.2, 1.8))))
    columns = draws.count(2, 6)
    edges = np.concatenate([[0], np.cumsum(draws.uniform(0.5, 1.5, columns))])
    xs = np.rint(edges / edges[-1] * (width - 1)).astype(int).tolist()
    ys = np.rint(np.linspace(0, height - 1, rows + 1)).astype(int).tolist()
    rule = max(1, round(pitch * 0.07))
    fashion = draws.pick(("grid", "rows", "frame"), (5, 3, 2))
    if draws.chance(0.4):  # a shaded head
        mask.paste(draws.count(60, 130), (0, 0, width, ys[1]))
    stripes = draws.chance(0.2)
    room = ys[1] - ys[0]
    text = max(2, min(int(pitch), room - 2 * rule))
    for row in range(rows):
        if stripes and row % 2 == 1:
            mask.paste(55, (0, ys[row], width, ys[row + 1]))
        for column in range(columns):
            if draws.chance(0.12):
                continue
            cell = xs[column + 1] - xs[column] - 4 * rule
            place = (xs[column] + 2 * rule, ys[row] + max(rule, (room - text) // 2))
            line = Image.new("L", (max(2, int(cell * draws.between(0.3, 0.95))), text))
            paste_line(draws, line, (0, 0), line.width, text, bold=row == 0)
            mask.paste(255, place, line)
    for y in ys if fashion != "frame" else (ys[0], ys[1], ys[-1]):
        mask.paste(255, (0, max(0, min(y, height - rule)), width, max(0, min(y, height - rule)) + rule))
    for x in xs if fashion == "grid" else (xs[0], xs[-1]) if fashion == "frame" else ():
        mask.paste(255, (max(0, min(x, width - rule)), 0, max(0, min(x, width - rule)) + rule, height))
    return Patch(mask, draws.pick(INKS), draws.between(0.6, 1.0))
