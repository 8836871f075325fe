"""The command `python -m tlbench.status study=FOLDER [--watch]`.

Exit codes: 0 done, 2 the user's input is at fault, 130 / 143 interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from tlbench.cli.status_options import USAGE, StatusOptions
from tlbench.cli.tool import Tool
from tlbench.console import say_lines
from tlbench.study.status import lines, study_status
from tlbench.tools.options import parse_options

_EVERY_S = 2


def _act(kind: type[StatusOptions], arguments: Sequence[str]) -> None:
    options = parse_options(kind, ["watch=true" if each == "--watch" else each for each in arguments])
    shown = ""
    while True:
        status = study_status(Path(options.study))
        text = "\n".join(lines(status))
        if text != shown:
            say_lines(text)
            shown = text
        if status.done or not options.watch:
            return
        time.sleep(_EVERY_S)


_TOOL = Tool(lambda: StatusOptions, USAGE, _act, interrupted="the runs go on", before="shown")
main, entry = _TOOL.main, _TOOL.entry
