"""The curves of a detector's test: precision over recall, and F1 over confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tlbench.annotations.instances.curves import DetectionCurves
from tlbench.pictures.figures import legend_entry, new_figure, plain, short_name
from tlbench.pictures.palette import class_colour

_NAMED_UP_TO = 8
_LONGEST_NAME = 28
_EACH_CLASS = "#9A9A9A"


def precision_recall_figure(curves: DetectionCurves, title: str = "") -> Figure:
    """Interpolated precision over recall at IoU 0.5, with AP50: each class's, and the mean over classes thick.

    More than 8 classes are grey lines without a name. A class without objects has no line.

    Args:
        curves: Of the data set.
        title: What the images are.
    """
    figure, axes = _new(title, "precision–recall at IoU 0.5")
    grid, rows = curves.recall_grid, curves.precision_at_recall
    _draw_classes(axes, curves.class_names, grid, rows, rows.mean(axis=1))
    if len(rows) > 1:
        mean = curves.mean_precision_at_recall
        axes.plot(grid, mean, color="black", linewidth=2.5, label=f"mean: {_number(mean.mean())}")
    axes.set(xlabel="recall", ylabel="precision")
    _finish(axes, "class: AP50", bool(np.isfinite(rows).any()))
    return figure


def f1_confidence_figure(
    curves: DetectionCurves, confidence: float, f1: NDArray[np.float64], title: str = ""
) -> Figure:
    """F1 at IoU 0.5 over the confidence from which detections count, with the mean's precision and recall.

    Args:
        curves: Of the data set.
        confidence: The one that counts; a vertical line.
        f1: (C,) each class's F1 there, for the legend; NaN for classes without objects.
        title: What the images are.
    """
    figure, axes = _new(title, "F1–confidence at IoU 0.5")
    grid = curves.confidence_grid
    _draw_classes(axes, curves.class_names, grid, curves.f1, f1)
    several, present = len(f1) > 1, np.isfinite(f1)
    if several:
        mean = _number(f1[present].mean() if present.any() else np.nan)
        axes.plot(grid, curves.mean_f1, color="black", linewidth=2.5, label=f"mean: {mean}")
    for values, name, style in ((curves.mean_precision, "precision", "--"), (curves.mean_recall, "recall", ":")):
        label = f"mean {name}" if several else name
        axes.plot(grid, values, color="black", linewidth=1, linestyle=style, label=label)
    axes.axvline(confidence, color="#7F7F7F", linewidth=1.2, linestyle="-.", label=f"confidence {confidence:.3f}")
    axes.set(xlabel="confidence", ylabel="F1")
    _finish(axes, f"class: F1 at confidence {confidence:.3f}", bool(present.any()))
    return figure


def _new(title: str, what: str) -> tuple[Figure, Axes]:
    figure = new_figure(7.6, 4.2)
    axes = figure.add_subplot()
    axes.set_title(", ".join(filter(None, [what, plain(title)])), fontsize=10)
    return figure, axes


def _draw_classes(
    axes: Axes,
    names: Sequence[str],
    grid: NDArray[np.float64],
    rows: NDArray[np.float64],
    numbers: NDArray[np.float64],
) -> None:
    """Draw rows (C, K) of values over a grid (K,), each with its number (C,) in the legend."""
    if len(names) > _NAMED_UP_TO:
        shown = rows[np.isfinite(rows).all(axis=1)]
        for k, row in enumerate(shown):
            label = f"each of {len(shown)} classes" if k == 0 else None
            axes.plot(grid, row, color=_EACH_CLASS, linewidth=0.7, alpha=0.7, label=label)
        return
    alone = len(names) == 1
    for k, (name, row, number) in enumerate(zip(names, rows, numbers, strict=True)):
        axes.plot(
            grid,
            row,
            color=class_colour(k),
            linewidth=2.5 if alone else 1.2,
            label=legend_entry(f"{short_name(name, _LONGEST_NAME)}: {_number(number)}"),
        )


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "no objects"


def _finish(axes: Axes, legend: str, drawn: bool) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.02, 1.02))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if not drawn:
        axes.text(
            0.5,
            0.5,
            "no objects",
            ha="center",
            va="center",
            fontsize=14,
            bbox={"facecolor": "white", "edgecolor": "none"},
        )
    axes.legend(title=legend, frameon=False, fontsize=8, title_fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
