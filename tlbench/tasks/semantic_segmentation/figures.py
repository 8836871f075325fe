"""The figures of a segmentation test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tlbench.pictures.figures import new_figure, plain, short_name
from tlbench.pictures.palette import COLOURS

_LONGEST_NAME = 24


def class_iou_figure(confusion: NDArray[np.integer], class_names: Sequence[str], title: str = "") -> Figure:
    """Each class's IoU as a bar, the largest share of the true pixels first, and their mean as a line.

    Args:
        confusion: (C, C) pixels, rows true classes, columns predicted.
        class_names: C names.
        title: What the images are.
    """
    true, predicted, hits = confusion.sum(1), confusion.sum(0), confusion.diagonal()
    union = true + predicted - hits
    with np.errstate(invalid="ignore"):
        iou = hits / union
        shares = true / confusion.sum()
    order = sorted(range(len(class_names)), key=lambda c: (-true[c], c))
    figure = new_figure(6.4, 1.4 + 0.26 * len(order))
    axes = figure.add_subplot()
    axes.barh(range(len(order)), np.nan_to_num(iou[order]), color=COLOURS[0], height=0.7)
    for place, c in enumerate(order):
        text = f"{100 * iou[c]:.1f}" if union[c] else "does not occur"
        axes.text((iou[c] if union[c] else 0) + 0.01, place, text, va="center", fontsize=8)
    if (union > 0).any():
        mean = float(np.nanmean(iou))
        axes.axvline(mean, color="black", linewidth=1.2, linestyle="--", label=f"mean: {100 * mean:.1f}")
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    names = [f"{short_name(class_names[c], _LONGEST_NAME)} ({100 * shares[c]:.2g} %)" for c in order]
    axes.set_yticks(range(len(order)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.1), xlabel="IoU (in brackets: share of the true pixels)")
    axes.set_xticks(np.arange(0, 1.01, 0.2), [f"{100 * tick:.0f}" for tick in np.arange(0, 1.01, 0.2)])
    axes.set_title(", ".join(filter(None, ["IoU of each class, %", plain(title)])), fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
