"""A study's charts as PNG and SVG files, for slides and papers."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tlbench.pictures.figures import legend_entry, new_figure, picture, plain, short_name
from tlbench.pictures.palette import COLOURS
from tlbench.records.record import Record
from tlbench.reporting.charts import Curves, Row
from tlbench.reporting.rows import curves_of, difference_rows, score_rows
from tlbench.study.summary import StudySummary

_STYLES = ("-", "--", ":", "-.")
_WIDE, _ROW, _ROOM = 6.4, 0.34, 0.75  # inches: of a figure; of a row; of an axis with its label
_LINE = 0.2  # inches, of a legend


def figure_files(summary: StudySummary, records: Sequence[Record]) -> dict[str, bytes]:
    """`seeds`, and a chart of curves for each metric that has some, as `.png` and `.svg`; name → content."""
    found: dict[str, bytes] = {}
    for name, figure in _figures(summary, records).items():
        found[f"{name}.png"] = picture(figure)
        figure.set_layout_engine("none")  # everything has its place now
        found[f"{name}.svg"] = _svg(figure, f"{summary.study}: {name.replace('_', ' ')}")
    return found


def _figures(summary: StudySummary, records: Sequence[Record]) -> Mapping[str, Figure]:
    figures = {"seeds": _seeds(summary, records)} if records else {}
    for metric, of in curves_of(records).items():
        name = f"curves_{metric.replace('/', '_')}"
        arms = {arm.name: of[arm.name] for arm in summary.arms if arm.name in of}
        figures[name] = _curves(arms, metric, summary.study)
    return figures


def _seeds(summary: StudySummary, records: Sequence[Record]) -> Figure:
    """Every seed a dot, and below it the differences with their intervals."""
    parts = [score_rows(summary, records), difference_rows(summary, records)]
    shown = [(rows, unit) for rows, unit, _ in parts if rows]
    heights = [_ROOM + _ROW * len(rows) for rows, _ in shown]
    figure = new_figure(_WIDE, sum(heights) + 0.3)
    figure.suptitle(short_name(summary.study, 60), fontsize=11)
    panels = figure.subplots(len(shown), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for number, (rows, unit) in enumerate(shown):
        _dots(panels[number][0], rows, unit, zero=number > 0)
    return figure


def _dots(axes: Axes, rows: Sequence[Row], unit: str, *, zero: bool) -> None:
    """As `reporting.charts.dot_chart`; the numbers stand on the right."""
    if zero:
        axes.axvline(0, color="0.4", linewidth=1, linestyle="--")
    for y, row in enumerate(rows):
        colour = COLOURS[row.colour % len(COLOURS)]
        if row.ends is not None:
            axes.plot(row.ends, [y, y], color=colour, linewidth=4, alpha=0.45, solid_capstyle="round")
        axes.plot(row.dots, [y] * len(row.dots), "o", color=colour, markersize=6, alpha=0.5)
        if row.mean is not None:
            axes.plot([row.mean, row.mean], [y - 0.3, y + 0.3], color=colour, linewidth=2.5)
    axes.set_yticks(range(len(rows)), [short_name(row.name, 40) for row in rows], fontsize=9)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(rows)), [row.text for row in rows], fontsize=9)
    for side in (axes, right):
        side.tick_params(axis="y", length=0)
    right.spines["right"].set_visible(False)
    axes.set_xlabel(unit, fontsize=9)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _curves(arms: Curves, metric: str, study: str) -> Figure:
    """As `reporting.charts.curves_chart`: the mean over an arm's seeds, the band of all, each seed's thin line."""
    figure = new_figure(_WIDE, 3.8 + _LINE * ((len(arms) + 1) // 2))
    axes = figure.add_subplot()
    for number, (arm, seeds) in enumerate(arms.items()):
        colour = COLOURS[number % len(COLOURS)]
        style = _STYLES[number // len(COLOURS) % len(_STYLES)]
        values = [dict(points) for points in seeds.values()]
        common = sorted(set.intersection(*map(set, values)))
        table = np.array([[of[epoch] for epoch in common] for of in values])
        if len(values) > 1:
            lines = [list(of.items()) for of in values]
            axes.add_collection(LineCollection(lines, colors=colour, linestyles=style, linewidths=0.7, alpha=0.5))
            axes.fill_between(common, table.min(axis=0), table.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        label = legend_entry(f"{short_name(arm, 40)} ({len(values)} seed{'s' * (len(values) != 1)})")
        axes.plot(common, table.mean(axis=0), color=colour, linestyle=style, linewidth=2, label=label)
    axes.autoscale()
    axes.set_xlabel("epoch")
    axes.set_ylabel(plain(metric))
    axes.set_title(short_name(study, 60), fontsize=11)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def _svg(figure: Figure, title: str) -> bytes:
    """With letters as text, and the same bytes for the same figure."""
    written = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Title": title})
    return written.getvalue()
