"""Pictures for a run's folder and its loggers, drawn without pyplot: no display, nothing to close.

Curves take the colours of `palette`, matrices one hue from light to dark: both are told apart with colour-deficient
eyes. What a user has named goes through `plain` before it is written.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from typing import Any, Literal

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager

from tlbench.pictures.lettering import font_files, written

# What a `matplotlibrc` of the working folder says counts for nothing: with `text.usetex` it would start LaTeX.
matplotlib.rcdefaults()

PICTURE_FORMAT = "png"

_COUNTS_UP_TO = 20
_LONGEST_NAME = 20
_DOTS = 128  # an inch: a power of two, by which whole pixels stay whole


def picture(figure: Figure) -> bytes:
    """The figure as a PNG file's content, for `write_atomic`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=PICTURE_FORMAT)
    return buffer.getvalue()


def confusion_figure(confusion: npt.NDArray[np.integer], class_names: Sequence[str], title: str = "") -> Figure:
    """The confusion matrix, coloured by the share of each true class, up to 20 classes with counts, large ones rounded.

    Args:
        confusion: (C, C) counts, rows true classes, columns predicted.
        class_names: The C names.
        title: What is counted.
    """
    classes = len(class_names)
    totals = confusion.sum(axis=1, keepdims=True)
    shares = confusion / np.maximum(totals, 1)
    side = min(max(0.5 * classes, 3.0), 10.0)
    figure = new_figure(side + 2.2, side + 1.2, layout="compressed")
    axes = figure.add_subplot()
    # the square root of the share: errors of a few per cent are what one looks for, beside a diagonal near 1
    norm = PowerNorm(0.5, vmin=0, vmax=1)
    image = axes.imshow(shares, cmap="Blues", norm=norm, interpolation="nearest")
    points_a_cell = 72 * side / classes
    size = min(9.0, 0.8 * points_a_cell)
    names = [short_name(name) for name in class_names]
    fits = max(map(len, names)) * 0.65 * size < points_a_cell
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    turn = {} if fits else slanted if classes <= _COUNTS_UP_TO else {"rotation": 90}
    axes.set_xticks(range(classes), names, fontsize=size, **turn)
    axes.set_yticks(range(classes), names, fontsize=size)
    axes.tick_params(length=2)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(plain(title), fontsize=10)
    if classes <= _COUNTS_UP_TO:
        most = int(confusion.max(initial=0))
        for row, column in np.ndindex(confusion.shape):
            count = int(confusion[row, column])
            colour = "white" if norm(shares[row, column]) > 0.55 else "black" if count else "silver"
            axes.text(column, row, _count(count, most), ha="center", va="center", color=colour, fontsize=size)
    figure.colorbar(image, ax=axes, label="share of the true class", fraction=0.046, pad=0.03)
    return figure


def _count(count: int, most: int) -> str:
    """A number that has room beside the largest of its matrix: `36.4k` or `2.98M` where that has six digits or more."""
    if most < 100_000 or count < 10_000:
        return f"{count}"
    exponent, unit = next((e, u) for e, u in ((9, "G"), (6, "M"), (3, "k")) if count >= 10**e)
    return f"{count / 10**exponent:.3g}{unit}" if count < 999.5 * 10**exponent else f"{count / 10**exponent:.0f}{unit}"


def image_figure(pixels: npt.NDArray[np.uint8]) -> Figure:
    """A figure that is an image (H, W, 3), RGB, pixel by pixel, for what takes figures."""
    height, width = pixels.shape[:2]
    figure = Figure(figsize=(width / _DOTS, height / _DOTS), dpi=_DOTS)
    FigureCanvasAgg(figure)
    figure.figimage(pixels)
    return figure


def new_figure(width: float, height: float, layout: Literal["constrained", "compressed"] = "constrained") -> Figure:
    """An empty figure of that many inches, drawn by Agg."""
    _take_up_fonts()
    figure = Figure(figsize=(width, height), dpi=100, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def plain(text: str) -> str:
    r"""A line of text that matplotlib shows as it is: it makes no formula of it, and has all of its letters.

    What no font of this machine has is escaped, as in `lettering.legible`.
    """
    return written(text).replace("$", r"\$")


def short_name(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name of at most `longest` characters, of a long one beginning and end, as `plain` text."""
    if len(name) > longest:
        kept = longest - 1
        name = f"{name[: (kept + 1) // 2]}…{name[len(name) - kept // 2 :]}"
    return plain(name)


def legend_entry(text: str) -> str:
    """A text in a legend, from which matplotlib leaves out what begins with an underscore."""
    return f" {text}" if text.startswith("_") else text


@functools.cache
def _take_up_fonts() -> None:
    """Let texts whose letters are not all in DejaVu Sans take the others from fonts of this machine."""
    for path in font_files():
        fontManager.addfont(str(path))
    families = [FontProperties(fname=str(path)).get_name() for path in font_files()]
    matplotlib.rcParams["font.family"] = ["DejaVu Sans", *families]
