"""Pictures for TensorBoard and README, drawn without pyplot: no display, no global state, nothing to close.

Curves take the colours of `palette`, matrices one hue from light to dark: both are told apart with colour-deficient
eyes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tlbench.pictures.palette import COLOURS

# What a `matplotlibrc` of the working folder says counts for nothing: with `text.usetex` it would start LaTeX.
matplotlib.rcdefaults()

PICTURE_FORMAT = "png"

_LINE_STYLES = ("-", "--", ":", "-.")
_COUNTS_UP_TO = 20
_LONGEST_NAME = 16
_DOTS = 128  # an inch: a power of two, by which whole pixels stay whole


def picture(figure: Figure) -> bytes:
    """The figure as a PNG file's content, for `write_atomic`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=PICTURE_FORMAT)
    return buffer.getvalue()


def confusion_figure(confusion: npt.NDArray[np.integer], class_names: Sequence[str]) -> Figure:
    """The confusion matrix, coloured by the share of each true class, with the counts in it up to 20 classes.

    Args:
        confusion: (C, C) counts, rows true classes, columns predicted.
        class_names: The C names.
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
    if classes <= _COUNTS_UP_TO:
        for row, column in np.ndindex(confusion.shape):
            count = confusion[row, column]
            colour = "white" if norm(shares[row, column]) > 0.55 else "black" if count else "silver"
            axes.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize=size)
    figure.colorbar(image, ax=axes, label="share of the true class", fraction=0.046, pad=0.03)
    return figure


def image_figure(pixels: npt.NDArray[np.uint8]) -> Figure:
    """A figure that is an image (H, W, 3), RGB, pixel by pixel, for what takes figures."""
    height, width = pixels.shape[:2]
    figure = Figure(figsize=(width / _DOTS, height / _DOTS), dpi=_DOTS)
    FigureCanvasAgg(figure)
    figure.figimage(pixels)
    return figure


def curves_figure(
    series: Mapping[str, Mapping[int, Sequence[tuple[float, float]]]], metric: str, title: str = ""
) -> Figure:
    """One curve an arm: the mean over its seeds, the band from the lowest to the highest, and each seed's thin line.

    Args:
        series: Arm → seed → (epoch, value) in order of epochs. Mean and band cover the epochs that all seeds reached.
        metric: What the values are, as `val/oa`.
        title: Above the curves.
    """
    figure = new_figure(6.4, 4.0)
    axes = figure.add_subplot()
    for number, (arm, seeds) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        style = _LINE_STYLES[number // len(COLOURS) % len(_LINE_STYLES)]
        _draw_arm(axes, arm, [dict(points) for points in seeds.values()], colour, style)
    axes.set_xlabel("epoch")
    axes.set_ylabel(metric)
    axes.set_title(title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if len(series) > 4:
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    elif series:
        axes.legend(frameon=False)
    return figure


def _draw_arm(axes: Axes, arm: str, seeds: list[dict[float, float]], colour: str, style: str) -> None:
    common = sorted(set.intersection(*(set(points) for points in seeds))) if seeds else []
    values = np.array([[points[epoch] for epoch in common] for points in seeds])
    if len(seeds) > 1:
        for points in seeds:
            axes.plot(list(points), list(points.values()), color=colour, linestyle=style, linewidth=0.7, alpha=0.5)
        axes.fill_between(common, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
    label = f"{arm} ({len(seeds)} seed{'s' if len(seeds) != 1 else ''})"
    marker = "o" if len(common) <= 20 else ""
    axes.plot(
        common,
        values.mean(axis=0),
        color=colour,
        linestyle=style,
        linewidth=2,
        marker=marker,
        markersize=4,
        label=label,
    )


def new_figure(width: float, height: float, layout: Literal["constrained", "compressed"] = "constrained") -> Figure:
    """An empty figure of that many inches, drawn by Agg."""
    figure = Figure(figsize=(width, height), dpi=100, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def short_name(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name of at most `longest` characters, of which matplotlib makes no formula."""
    name = name if len(name) <= longest else name[: longest - 1] + "…"
    return name.replace("$", r"\$")
