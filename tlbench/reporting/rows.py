"""What the charts of a study show: every seed's score, the differences with their intervals, the curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tlbench.records.record import Record
from tlbench.reporting.charts import Curves, Row
from tlbench.study.render import arm_rows
from tlbench.study.sentences import signed
from tlbench.study.summary import StudySummary


def score_rows(summary: StudySummary, records: Sequence[Record]) -> tuple[list[Row], str, str]:
    """Every seed a dot, a row an arm; the unit, and what is shown in words."""
    metric = summary.primary
    percent = summary.is_percentage(metric)
    factor, digits, rows = (100, 2, []) if percent else (1, 4, [])
    for number, arm in enumerate(summary.arms):
        spread = arm.metrics[metric]
        text = next(cells[1] for cells in arm_rows(summary, [arm]))
        values = _values(records, arm.name, metric)
        mean = None if spread.mean is None else factor * spread.mean
        dots = [factor * value for value in values.values()]
        told = [f"{arm.name}, seed {seed}: {dot:.{digits}f}" for seed, dot in zip(values, dots, strict=True)]
        rows.append(Row(arm.name, text, dots, mean, colour=number, told=told))
    said = "; ".join(f"{row.name} {row.text}" for row in rows)
    unit = f"{metric}{', %' if percent else ''}: a dot a seed, a line their mean"
    return rows, unit, f"{metric} of every seed by arm, with the mean: {said}."


def difference_rows(summary: StudySummary, records: Sequence[Record]) -> tuple[list[Row], str, str]:
    """The paired differences from the baselines, with their intervals; likewise."""
    metric = summary.primary
    percent = summary.is_percentage(metric)
    factor, rows = 100 if percent else 1, []
    names = [arm.name for arm in summary.arms]
    for d in summary.differences:
        if d.metric != metric or not d.with_baseline or d.paired.mean is None:
            continue
        ends = None if d.paired.low is None or d.paired.high is None else (d.paired.low, d.paired.high)
        text = signed(d.paired.mean, percent)
        text += f" [{signed(ends[0], percent)}, {signed(ends[1], percent)}]" if ends else ""
        a, b = _values(records, d.arm, metric), _values(records, d.baseline, metric)
        seeds = sorted(a.keys() & b.keys())
        dots = [factor * (a[seed] - b[seed]) for seed in seeds]
        told = [f"seed {seed}: {signed(a[seed] - b[seed], percent)}" for seed in seeds]
        scaled = (factor * ends[0], factor * ends[1]) if ends else None
        name = f"{d.arm} − {d.baseline}"
        rows.append(Row(name, text, dots, factor * d.paired.mean, scaled, names.index(d.arm), told))
    said = "; ".join(f"{row.name} {row.text}" for row in rows)
    unit = f"difference in {'points ' if percent else ''}{metric}, paired by seed: a dot a seed, mean and interval"
    return rows, unit, f"Differences from the baseline with their intervals: {said}."


def _values(records: Sequence[Record], arm: str, metric: str) -> dict[int, float]:
    found = {}
    for run in records:
        value = run.best.value if run.best and run.best.monitor == metric else run.metrics.get(metric)
        if run.arm == arm and value is not None and math.isfinite(value):
            found[run.seed] = value
    return found


def curves_of(records: Sequence[Record]) -> Mapping[str, Curves]:
    """Of the metric that chose the best epochs and of the training loss: metric → arm → seed → points."""
    monitors = dict.fromkeys(run.best.monitor for run in records if run.best)
    found: dict[str, dict[str, dict[int, list[tuple[float, float]]]]] = {}
    for metric in (*monitors, "train/loss"):
        for run in records:
            rows = [(float(row["epoch"] or 0), row.get(metric)) for row in run.curves]
            points = [(epoch, value) for epoch, value in rows if value is not None and math.isfinite(value)]
            if points:
                found.setdefault(metric, {}).setdefault(run.arm, {})[run.seed] = points
    return found
