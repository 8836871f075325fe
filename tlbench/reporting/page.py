"""The report as one HTML page without script, which asks for nothing beside itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from tlbench import __version__
from tlbench.data.was_read import lines as lines_read
from tlbench.records.record import Record
from tlbench.reporting.answer import answer
from tlbench.reporting.charts import Row, curves_chart, dot_chart, legend
from tlbench.reporting.methods import Methods
from tlbench.reporting.per_class import ClassDifference, class_differences, metrics_of_classes
from tlbench.reporting.provenance import data_of, machines_of, settings_of, weights_of
from tlbench.study.comparisons import Difference
from tlbench.study.findings import exploratory, findings
from tlbench.study.render import arm_rows, floor_line, warning_lines
from tlbench.study.sentences import difference_line, signed, verdict_lines
from tlbench.study.summary import StudySummary
from tlbench.study.time_sentences import time_lines

MOST_CLASSES = 20
"""Rows of a table of classes; the others are in `results.csv`."""


def page(summary: StudySummary, records: Sequence[Record]) -> str:
    """The report of a study.

    Args:
        summary: The study.
        records: Of the complete runs that it counts.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    folder = files("tlbench.reporting")
    template = environment.from_string((folder / "report.html.jinja").read_text(encoding="utf-8"))
    style = Markup((folder / "report.css").read_text(encoding="utf-8"))
    return template.render(style=style, version=__version__, **content(summary, records))


def content(summary: StudySummary, records: Sequence[Record]) -> dict[str, Any]:
    """What the page shows, by the names of its template."""
    percent = summary.is_percentage(summary.primary)
    family = [d for d in summary.differences if d.metric == summary.primary]
    compared, tested = [d for d in family if d.with_baseline], sum(d.paired.holm is not None for d in family)
    said = {difference_line(d, percent=percent) for d in compared}
    first = [
        {
            "line": answer(d, tested, percent=percent),
            "more": list(verdict_lines(d, tested, percent=percent, verdict=False)),
        }
        for d in compared
    ]
    advice = [each.sentence for each in summary.recommendations]
    budget = [
        line
        for found in summary.times_to_score
        for line in time_lines(found, percent=summary.is_percentage(found.monitor))
    ]
    told = (line for d in compared for line in verdict_lines(d, tested, percent=percent))
    known = {*said, *advice, *budget, *told}
    more = [(line, bool(style)) for line, style in findings(summary) if line.strip() not in known]
    curves = _curves(records)
    names = [arm.name for arm in summary.arms]
    methods = Methods(summary, records) if records else None
    return {
        "study": summary.study,
        "task": records[0].task.replace("_", " ") if records else "",
        "primary": summary.primary,
        "answers": first,
        "advice": advice,
        "stand_ins": [f"{each.kind} {each.used}, not {each.wanted}" for each in summary.stand_ins],
        "scores": _scores(summary, records, percent),
        "apart": _apart(summary, records, compared, percent),
        "legend": legend(names) if len(names) > 1 else "",
        "curves": [
            curves_chart(
                {arm: of[arm] for arm in names if arm in of},
                {name: number for number, name in enumerate(names)},
                metric,
                f"Curves of {metric} by epoch, an arm each: {', '.join(name for name in names if name in of)}.",
            )
            for metric, of in curves.items()
        ],
        "arms": names,
        "rows": list(arm_rows(summary, summary.arms)),
        "floor": None if summary.floor is None else floor_line(summary),
        "exploratory": exploratory(summary),
        "budget": budget,
        "more": more,
        "notes": list(summary.notes),
        "read": lines_read(summary.read) if summary.read else [],
        "read_by": summary.read_by,
        "classes": _classes(records, compared),
        "most_classes": MOST_CLASSES,
        "warnings": warning_lines(summary),
        "failures": [f"{f.status}: {f.arm}/seed_{f.seed}: {f.reason}" for f in summary.failures],
        "left_out": [f"{each.run}: {each.reason}" for each in summary.left_out],
        "command": summary.command,
        "kept": any(arm.kept for arm in summary.arms),
        "weights": weights_of(records),
        "data": data_of(records) if records else [],
        "machines": machines_of(records),
        "settings": settings_of(records) if records else [],
        "methods": methods,
    }


def _scores(summary: StudySummary, records: Sequence[Record], percent: bool) -> Markup:
    """Every seed a dot, a row an arm."""
    metric, factor = summary.primary, 100 if percent else 1
    rows = []
    for number, arm in enumerate(summary.arms):
        spread = arm.metrics[metric]
        text = next(cells[1] for cells in arm_rows(summary, [arm]))
        values = _values(records, arm.name, metric)
        mean = None if spread.mean is None else factor * spread.mean
        rows.append(Row(arm.name, text, [factor * value for value in values.values()], mean, colour=number))
    told = "; ".join(f"{row.name} {row.text}" for row in rows)
    return dot_chart(rows, _unit(metric, percent), f"{metric} of every seed by arm, with the mean: {told}.")


def _apart(summary: StudySummary, records: Sequence[Record], compared: Sequence[Difference], percent: bool) -> Markup:
    """The paired differences from the baselines, with their intervals."""
    factor, rows, metric = 100 if percent else 1, [], summary.primary
    names = [arm.name for arm in summary.arms]
    for d in compared:
        if d.paired.mean is None:
            continue
        ends = None if d.paired.low is None or d.paired.high is None else (d.paired.low, d.paired.high)
        text = signed(d.paired.mean, percent)
        text += f" [{signed(ends[0], percent)}, {signed(ends[1], percent)}]" if ends else ""
        a, b = _values(records, d.arm, metric), _values(records, d.baseline, metric)
        dots = [factor * (a[seed] - b[seed]) for seed in sorted(a.keys() & b.keys())]
        scaled = (factor * ends[0], factor * ends[1]) if ends else None
        rows.append(Row(f"{d.arm} − {d.baseline}", text, dots, factor * d.paired.mean, scaled, names.index(d.arm)))
    told = "; ".join(f"{row.name} {row.text}" for row in rows)
    unit = f"difference in {'points ' if percent else ''}{metric}, paired by seed: a dot a seed, mean and interval"
    return dot_chart(rows, unit, f"Differences from the baseline with their intervals: {told}.", zero=True)


def _unit(metric: str, percent: bool) -> str:
    return f"{metric}{', %' if percent else ''}: a dot a seed, a line their mean"


def _values(records: Sequence[Record], arm: str, metric: str) -> dict[int, float]:
    found = {}
    for run in records:
        value = run.best.value if run.best and run.best.monitor == metric else run.metrics.get(metric)
        if run.arm == arm and value is not None and math.isfinite(value):
            found[run.seed] = value
    return found


def _curves(records: Sequence[Record]) -> Mapping[str, Mapping[str, Mapping[int, Sequence[tuple[float, float]]]]]:
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


def _classes(records: Sequence[Record], compared: Sequence[Difference]) -> list[dict[str, Any]]:
    """A table for each metric that is kept by class and each arm that is compared."""
    found = []
    for metric, classes in metrics_of_classes(records).items():
        for d in compared:
            sides = [[run for run in records if run.arm == name] for name in (d.arm, d.baseline)]
            differences = class_differences(sides[0], sides[1], metric, classes, d.paired.confidence)
            if differences:
                rows = [_class_row(each) for each in differences[:MOST_CLASSES]]
                found.append(
                    {"metric": metric, "arm": d.arm, "baseline": d.baseline, "rows": rows, "all": len(classes)}
                )
    return found


def _class_row(each: ClassDifference) -> list[str]:
    paired = each.paired
    assert paired.mean is not None
    both = [signed(end, percent=True) for end in (paired.low, paired.high) if end is not None]
    ends = f"[{', '.join(both)}]" if both else ""
    p = "" if paired.holm is None else ("< 0.001" if paired.holm < 0.001 else f"{paired.holm:.3f}")
    return [
        each.name,
        f"{100 * each.arm:.1f}",
        f"{100 * each.baseline:.1f}",
        signed(paired.mean, percent=True),
        ends,
        p,
    ]
