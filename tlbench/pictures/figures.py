"""Pictures for TensorBoard and README, drawn without pyplot: no display, no global state, nothing to close.

Curves take the palette of Okabe and Ito (2008, "Color Universal Design"), matrices one hue from light to dark: both are
told apart with colour-deficient eyes.
"""

from __future__ import annotations

import io
import math
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

# What a `matplotlibrc` of the working folder says counts for nothing: with `text.usetex` it would start LaTeX.
matplotlib.rcdefaults()

PICTURE_FORMAT = "png"

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
_LINE_STYLES = ("-", "--", ":", "-.")
_COUNTS_UP_TO = 20
_LONGEST_NAME = 16


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


def mistakes_figure(
    images: npt.NDArray[np.uint8], true: Sequence[str], predicted: Sequence[str], confidences: Sequence[float]
) -> Figure:
    """A grid of wrongly classified images, each under its `true → predicted confidence`.

    Args:
        images: (K, 3, H, W), RGB; K may be 0.
        true: K class names.
        predicted: K class names.
        confidences: K probabilities of the predicted class, in 0–1.
    """
    count = len(images)
    if count == 0:
        figure = new_figure(4, 1)
        figure.text(0.5, 0.5, "no mistakes", ha="center", va="center", fontsize=14)
        return figure
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    figure = new_figure(1.5 * columns, 1.75 * rows)
    for k, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        axes.set_axis_off()
        if k < count:
            axes.imshow(images[k].transpose(1, 2, 0), interpolation="nearest")
            axes.set_title(_mistake_title(true[k], predicted[k], confidences[k]), fontsize=8)
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


def _mistake_title(true: str, predicted: str, confidence: float) -> str:
    true, predicted = short_name(true), short_name(predicted)
    separator = " → " if len(true) + len(predicted) <= 12 else " →\n"
    return f"{true}{separator}{predicted} {confidence:.2f}"
