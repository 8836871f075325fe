"""The curves of a run: its loss and what it is chosen by, over its epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tlbench.pictures.figures import new_figure, plain
from tlbench.pictures.palette import COLOURS

_TRAIN, _VAL, _BEST, _STAGE = COLOURS[1], COLOURS[0], COLOURS[2], "#7F7F7F"
_DOTS_UP_TO = 30
"""Epochs whose values are seen one by one."""
_LOSS = "loss"

Rows = Sequence[Mapping[str, float | None]]


def curves_figure(
    rows: Rows, monitor: str, best: int | None = None, *, percent: bool = False, title: str = ""
) -> Figure:
    """The loss of training and validation, and the monitored metric of both, side by side, with the best epoch.

    Args:
        rows: One an epoch, as a record's `curves`; a value may be missing, None or not finite: the curve has a gap.
        monitor: The metric that the best epoch is chosen by, as `val/oa`; where it is `val/loss` there is one panel.
        best: The best epoch, counted from 1.
        percent: Whether the monitored metric is a share, shown in percent.
        title: Above both.
    """
    metric = monitor.partition("/")[2]
    shown = [_LOSS] if metric == _LOSS else [_LOSS, metric]
    figure = new_figure(4.8 * len(shown), 3.8)
    for axes, name in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        _draw(axes, rows, name)
        _mark(axes, rows, monitor, best, chosen_by=name == metric, percent=percent)
        axes.set_xlabel("epoch")
        axes.set_ylabel(plain(name))
        if percent and name == metric:
            axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, symbol=" %"))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    figure.suptitle(plain(title), fontsize=10)
    return figure


def _draw(axes: Axes, rows: Rows, name: str) -> None:
    for split, colour, style in (("train", _TRAIN, "--"), ("val", _VAL, "-")):
        points = [(row["epoch"], row[key]) for row in rows if row.get(key := f"{split}/{name}") is not None]
        if points:
            marker = "o" if len(rows) <= _DOTS_UP_TO else ""
            axes.plot(
                *zip(*points, strict=True), color=colour, linestyle=style, marker=marker, markersize=3.5, label=split
            )


def _mark(axes: Axes, rows: Rows, monitor: str, best: int | None, *, chosen_by: bool, percent: bool) -> None:
    """The best epoch, and where the next stage of the strategy begins."""
    if best is not None:
        value = next((row.get(monitor) for row in rows if row["epoch"] == best), None)
        number = "" if value is None or not chosen_by else f": {100 * value:.1f} %" if percent else f": {value:.4g}"
        axes.axvline(best, color=_BEST, linewidth=1.2, linestyle="-.", label=f"best epoch {best}{number}")
    for before, row in pairwise(rows):
        if row.get("stage") != before.get("stage"):
            place = (row["epoch"] or 0) - 0.5
            axes.axvline(place, color=_STAGE, linewidth=1, linestyle=":")
            where = axes.get_xaxis_transform()
            axes.text(place, 1, f" stage {row['stage']:g}", transform=where, fontsize=7, color=_STAGE, va="top")
