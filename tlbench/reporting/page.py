"""The report as one HTML page without script, which asks for nothing beside itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from tlbench import __version__
from tlbench.data.was_read import lines as lines_read
from tlbench.metrics.per_image import Details
from tlbench.records.record import Record
from tlbench.reporting.answer import answer
from tlbench.reporting.charts import curves_chart, dot_chart, legend
from tlbench.reporting.gallery import Weight, apart, batch, examples, kept_images
from tlbench.reporting.looked_at import Key, confusions, details_of, disagreement
from tlbench.reporting.matrices import matrix
from tlbench.reporting.methods import Methods
from tlbench.reporting.per_class import ClassDifference, class_differences, metrics_of_classes
from tlbench.reporting.provenance import data_of, machines_of, settings_of, weights_of
from tlbench.reporting.rows import curves_of, difference_rows, score_rows
from tlbench.reporting.side_effects import side_effects
from tlbench.study.comparisons import Difference
from tlbench.study.findings import exploratory, findings
from tlbench.study.render import arm_rows, floor_line, warning_lines
from tlbench.study.scored_images import Looked, scored_images
from tlbench.study.sentences import difference_line, signed, verdict_lines
from tlbench.study.summary import StudySummary
from tlbench.study.time_sentences import time_lines

MOST_CLASSES = 20
"""Rows of a table of classes; the others are in `results.csv`."""
_AUDIT = "audit: "


def page(summary: StudySummary, records: Sequence[Record], look: Looked = scored_images) -> str:
    """The report of a study.

    Args:
        summary: The study.
        records: Of the complete runs that it counts.
        look: Reads what a run kept of its test images.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    folder = files("tlbench.reporting")
    template = environment.from_string((folder / "report.html.jinja").read_text(encoding="utf-8"))
    style = Markup((folder / "report.css").read_text(encoding="utf-8"))
    return template.render(style=style, version=__version__, **content(summary, records, look))


def content(summary: StudySummary, records: Sequence[Record], look: Looked) -> dict[str, Any]:
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
    curves = curves_of(records)
    names = [arm.name for arm in summary.arms]
    methods = Methods(summary, records) if records else None
    warned = warning_lines(summary)
    weight = Weight()
    details, fingerprints = details_of(records, look)
    matrices = []
    for arm in summary.arms:
        named = {tuple(run.data.class_names) for run in records if run.arm == arm.name and run.data}
        counts = confusions(details, arm.name, arm.seeds) if len(named) == 1 else None
        class_names = next(iter(named), ())
        if counts is not None and len(counts) == len(class_names):
            matrices.append(matrix(arm.name, counts, class_names))
    a_batch, some = batch(records, weight), examples(records, weight)
    kept, share = kept_images(records), weight.left // max(len(compared), 1)
    disagreements = [
        apart(found, d, details, kept, Weight(share))
        for d in compared
        if (found := disagreement(details, fingerprints, d)) is not None
    ]
    return {
        "study": summary.study,
        "task": records[0].task.replace("_", " ") if records else "",
        "primary": summary.primary,
        "answers": first,
        "advice": advice,
        "stand_ins": [f"{each.kind} {each.used}, not {each.wanted}" for each in summary.stand_ins],
        "scores": dot_chart(*score_rows(summary, records)),
        "apart": dot_chart(*difference_rows(summary, records), zero=True),
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
        "audit": [line.removeprefix(_AUDIT) for line in warned if line.startswith(_AUDIT)],
        "audited": bool(records and records[0].data and records[0].data.audit),
        "batch": a_batch,
        "examples": some,
        "classes": _classes(records, compared),
        "matrices": matrices,
        "precisions": _precisions(details, names),
        "disagreements": disagreements,
        "pairs": [f"{d.arm} − {d.baseline}" for d in compared],
        "side_effects": side_effects(records, details, names, compared),
        "floors": any(of.floors for of in details.values()),
        "robust": any(note.corruptions is not None for run in records for note in run.evaluations.values()),
        "most_classes": MOST_CLASSES,
        "warnings": [line for line in warned if not line.startswith(_AUDIT)],
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


def _precisions(details: Mapping[Key, Details], names: Sequence[str]) -> Markup:
    """Precision over recall, a curve an arm."""
    found: dict[str, dict[int, list[tuple[float, float]]]] = {}
    for arm in names:
        for (name, seed), of in details.items():
            if name == arm and of.precisions is not None and np.isfinite(of.precisions[1]).all():
                recalls, precisions = of.precisions
                points = list(zip(recalls.tolist(), precisions.tolist(), strict=True))
                found.setdefault(arm, {})[seed] = points
    said = f"Precision by recall at IoU 0.5, a mean over classes, an arm each: {', '.join(found)}."
    numbers = {name: number for number, name in enumerate(names)}
    return curves_chart(found, numbers, "precision at IoU 0.5, a mean over classes,", said, "recall")


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
