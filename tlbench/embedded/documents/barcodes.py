"""Bar codes: bars of random widths with a number beneath, or squares in a matrix with three finders."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tlbench.embedded.documents.draws import Draws
from tlbench.embedded.documents.marks import Patch
from tlbench.embedded.documents.text import line_mask


def barcode(draws: Draws, width: int, height: int, _pitch: float) -> Patch:
    """A code that fills the patch: a matrix where it is about square, else bars."""
    square = 0.75 < width / height < 1.34
    cells = _matrix(draws) if square else _bars(draws)
    mask = Image.new("L", (width, height))
    below = 0 if square or draws.chance(0.3) else round(height * 0.22)
    mask.paste(Image.fromarray(cells).resize((width, height - below), Image.Resampling.BOX), (0, 0))
    if below > 3:
        number = " ".join(str(draws.count(100, 9999)) for _ in range(4))
        digits = line_mask(number, max(5, round(below * 0.9)), bold=False)
        digits.thumbnail((width, below))
        mask.paste(digits, ((width - digits.width) // 2, height - below))
    return Patch(mask, draws.near((25, 25, 30), 20), draws.between(0.8, 1.0))


def _bars(draws: Draws) -> np.typing.NDArray[np.uint8]:
    widths = 1 + draws.uniform(0, 3.2, 2 * draws.count(14, 34) + 1).astype(int)
    return np.repeat(np.resize([255, 0], len(widths)).astype(np.uint8), widths)[None]


def _matrix(draws: Draws) -> np.typing.NDArray[np.uint8]:
    size = draws.pick((21, 25, 29))
    cells = np.where(draws.uniform(0, 1, (size, size)) < 0.5, 255, 0).astype(np.uint8)
    finder = np.full((8, 8), 0, np.uint8)
    finder[:7, :7] = 255
    finder[1:6, 1:6] = 0
    finder[2:5, 2:5] = 255
    cells[:8, :8] = finder
    cells[:8, -8:] = finder[:, ::-1]
    cells[-8:, :8] = finder[::-1]
    return cells
