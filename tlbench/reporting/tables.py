"""A study's numbers as files for other programs: tidy CSV, and the table of arms in Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from tlbench.records.record import Record
from tlbench.study.render import arm_rows
from tlbench.study.sentences import difference_line
from tlbench.study.summary import StudySummary

_TEX = {
    **{c: rf"\{c}" for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "±": r"$\pm$",
    "−": "$-$",
    "×": r"$\times$",
}


def results_csv(records: Iterable[Record]) -> str:
    """A row a run and metric: `arm,seed,metric,value`; undefined values are left empty, numbers read back exactly.

    Args:
        records: Of complete runs.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arm", "seed", "metric", "value"])
    for record in records:
        best = record.best
        chosen = {best.monitor: best.value} if best and best.monitor not in record.metrics else {}
        for metric, value in {**chosen, **record.metrics}.items():
            writer.writerow([record.arm, record.seed, metric, "" if value is None else repr(value)])
    return text.getvalue()


def table_md(summary: StudySummary) -> str:
    """The arms, and the differences from the baselines below them, as Markdown."""
    names = [arm.name for arm in summary.arms]
    lines = [_md_row(["", *names]), "|---|" + "---:|" * len(names)]
    lines += [_md_row(row) for row in arm_rows(summary, summary.arms)]
    lines += ["", *(_md(line) + "  " for line in _differences(summary))]
    return "\n".join(lines).rstrip() + "\n"


def table_tex(summary: StudySummary) -> str:
    r"""The same for LaTeX with `\usepackage{booktabs}`."""
    names = [arm.name for arm in summary.arms]
    rows = [" & ".join(map(tex, row)) + r" \\" for row in arm_rows(summary, summary.arms)]
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            rf"\begin{{tabular}}{{l{'r' * len(names)}}}",
            r"\toprule",
            " & ".join(["", *map(tex, names)]) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *(f"% {line}" for line in _differences(summary)),
            "",
        ]
    )


def tex(text: str) -> str:
    """A text in which LaTeX finds no command."""
    return "".join(_TEX.get(letter, letter) for letter in " ".join(text.split()))


def _differences(summary: StudySummary) -> Sequence[str]:
    percent = summary.is_percentage(summary.primary)
    return [
        difference_line(d, percent=percent)
        for d in summary.differences
        if d.metric == summary.primary and d.with_baseline
    ]


def _md_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(_md, cells)) + " |"


def _md(text: str) -> str:
    """A text that Markdown shows as it is."""
    return re.sub(r"([\\`*_<>|#~&$\[\]])", r"\\\1", " ".join(text.split()))
