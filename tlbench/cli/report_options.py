"""The options of `python -m tlbench.report`."""

from __future__ import annotations

from pydantic import Field

from tlbench.tools.options import Options

USAGE = """\
tlbench.report writes what a study found as one page, report.html, and as tables: results.csv, table.md, table.tex.

  tlbench report study=outputs/quickstart
  tlbench report study=outputs/quickstart output=quickstart_report

It needs the study's summary.json and its runs' records; data and weights may be gone. The page opens without a
network."""


class ReportOptions(Options):
    """What to report, and where."""

    study: str = Field(description="folder of a study, such as outputs/quickstart")
    output: str | None = Field(None, description="folder for the files; null: the study's own")
