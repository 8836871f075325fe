"""A study as one picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.figure import Figure

from tlbench.study.summary import StudySummary

_INK, _LIGHT = "#1f3b57", "#8aa4bd"


class StudyFigure(Figure):
    """A figure that a notebook shows, whether pyplot was imported or not."""

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png")
        return content.getvalue()


def plot_study(summary: StudySummary, values: Sequence[tuple[str, int, float]], metric: str) -> Figure:
    """Every seed a dot, by arm, with means; beside it each arm's paired difference from its baseline.

    Args:
        summary: The study.
        values: Arm, seed and value of each complete run.
        metric: Which the values are.
    """
    factor, unit = (100, " (%)") if summary.is_percentage(metric) else (1, "")
    arms = [arm.name for arm in summary.arms]
    shown = [d for d in summary.differences if d.metric == metric and d.with_baseline]
    differences = [d for d in shown if d.paired.mean is not None]
    rows = max(len(arms), 2)
    figure = StudyFigure(figsize=(9, 1.5 + 0.45 * rows), layout="constrained")
    left, *rest = figure.subplots(1, 2 if differences else 1, squeeze=False, width_ratios=None)[0]
    for y, arm in enumerate(arms):
        own = [factor * value for name, _, value in values if name == arm]
        left.plot(own, [y] * len(own), "o", color=_LIGHT, alpha=0.8, markersize=6, clip_on=False)
        if own:
            left.plot([sum(own) / len(own)], [y], "|", color=_INK, markersize=18, markeredgewidth=2)
    left.set_yticks(range(len(arms)), arms)
    left.set_ylim(len(arms) - 0.5, -0.5)
    left.set_xlabel(f"{metric}{unit}\na dot a seed, a bar their mean")
    for right in rest:
        for y, difference in enumerate(differences):
            paired = difference.paired
            assert paired.mean is not None
            if paired.low is not None and paired.high is not None:
                right.plot([factor * paired.low, factor * paired.high], [y, y], "-", color=_INK, linewidth=2)
            right.plot([factor * paired.mean], [y], "o", color=_INK, markersize=7)
        right.axvline(0, color=_LIGHT, linewidth=1)
        right.set_yticks(range(len(differences)), [f"{d.arm} − {d.baseline}" for d in differences])
        right.set_ylim(len(differences) - 0.5, -0.5)
        confidence = differences[0].paired.confidence
        points = " in points" if unit else ""
        common = [name for name in differences[0].paired.covers if all(name in d.paired.covers for d in differences)]
        over = " and ".join(common)
        right.set_xlabel(f"difference{points}, paired by seed,\nwith its {100 * confidence:g} % interval over {over}")
    for axes in (left, *rest):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    figure.suptitle(summary.study, x=0.01, ha="left", fontsize=11)
    return figure
