"""The command `python -m tlbench.report study=FOLDER [key=value …]`.

Exit codes: 0 done, 2 the user's input is at fault, 130 / 143 interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlbench.cli.report_options import USAGE, ReportOptions
from tlbench.cli.tool import Tool
from tlbench.console import say, shown
from tlbench.reporting.write import report_study
from tlbench.system.atomic import output_errors
from tlbench.tools.options import parse_options


def _act(kind: type[ReportOptions], arguments: Sequence[str]) -> None:
    options = parse_options(kind, arguments)
    folder = Path(options.study if options.output is None else options.output)
    with output_errors(folder, "name another folder with output=…"):
        if options.output is not None:
            folder.mkdir(parents=True, exist_ok=True)
        path = report_study(Path(options.study), folder)
    say(f"report: {shown(path)}")


_TOOL = Tool(lambda: ReportOptions, USAGE, _act, interrupted="the files of before are whole", before="reported")
main, entry = _TOOL.main, _TOOL.entry
