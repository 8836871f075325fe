"""Writes a study's report and tables into its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tlbench.records.record import Record
from tlbench.reporting.page import page
from tlbench.reporting.tables import results_csv, table_md, table_tex
from tlbench.study.post_hoc import Registration
from tlbench.study.preregistration import Registered, read_registration
from tlbench.study.scored_images import Looked, once, scored_images
from tlbench.study.stored import read_stored
from tlbench.study.summary import StudySummary, summarise_study
from tlbench.system.atomic import write_atomic
from tlbench.system.own_files import refuse_link

REPORT_FILE = "report.html"
FIGURES = "figures"


def report_study(study: Path, folder: Path | None = None) -> Path:
    """Write a study's report, `results.csv`, `table.md`, `table.tex` and its charts; data and weights may be gone.

    Its statistics are computed anew from the records and what they keep of each test image.

    Args:
        study: Its folder.
        folder: Where the files go; None: there.

    Returns:
        The report.

    Raises:
        ConfigError: It is no study's folder, or what lies there cannot be read.
        OutputError: The disk refuses.
    """
    stored, records = read_stored(study)
    look = once()
    return write_report(study if folder is None else folder, _anew(study, stored, records, look), records, look)


def _anew(study: Path, stored: StudySummary, records: Sequence[Record], look: Looked) -> StudySummary:
    """What this version says of a study's runs; an older one may have said less."""
    if not records:
        return stored
    told = [(text, arm, seed) for text, of in stored.warnings.items() for arm, seeds in of.items() for seed in seeds]
    registered, before = read_registration(study), stored.registration
    if isinstance(registered, str) and isinstance(before, Registration):  # the file was not sent along
        registered = Registered.model_validate(dict(before.registered)), before.sha256
    summary = summarise_study(
        records,
        stored.factors,
        stored.failures,
        primary=stored.primary,
        metrics=stored.metrics,
        left_out=stored.left_out,
        order=[arm.name for arm in stored.arms],
        told=told,
        margin=next((d.paired.margin for d in stored.differences if d.metric == stored.primary), None),
        registered=registered,
        look=look,
    )
    kept = {arm.name: arm.kept for arm in stored.arms}
    arms = tuple(replace(arm, kept=kept.get(arm.name, ())) for arm in summary.arms)
    return replace(summary, arms=arms, more_seeds=stored.more_seeds, command=stored.command)


def write_report(folder: Path, summary: StudySummary, records: Sequence[Record], look: Looked = scored_images) -> Path:
    """The same, of what was read; files of before are replaced, each at once."""
    from tlbench.reporting.figures import figure_files  # a second, which a command that is refused need not wait

    path = folder / REPORT_FILE
    write_atomic(folder / "results.csv", results_csv(records).encode())
    write_atomic(folder / "table.md", table_md(summary).encode())
    write_atomic(folder / "table.tex", table_tex(summary).encode())
    refuse_link(folder / FIGURES)
    (folder / FIGURES).mkdir(exist_ok=True)
    for name, content in figure_files(summary, records).items():
        write_atomic(folder / FIGURES / name, content)
    write_atomic(path, page(summary, records, look).encode())
    return path
