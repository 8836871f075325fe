"""The command `python -m tlbench.status study=FOLDER [--watch]`.

Exit codes: 0 done, 2 the user's input is at fault, 130 / 143 interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from tlbench.cli.status_options import USAGE, StatusOptions
from tlbench.cli.tool import Tool
from tlbench.console import is_terminal, say_lines
from tlbench.study.live import Board
from tlbench.study.status import StudyStatus, lines, live_lines, study_status
from tlbench.tools.options import parse_options

_EVERY_S = 2
_SAID_AGAIN_S = 300
"""Where nothing can be redrawn and no run begins or ends."""


def _act(kind: type[StatusOptions], arguments: Sequence[str]) -> None:
    options = parse_options(kind, ["watch=true" if each == "--watch" else each for each in arguments])
    folder = Path(options.study)
    status = study_status(folder)
    if options.watch and not status.done and is_terminal():
        status = _watch(folder, status)
    elif options.watch:
        status = _say_changes(folder, status)
    say_lines("\n".join(lines(status)))


def _watch(folder: Path, status: StudyStatus) -> StudyStatus:
    """Live lines until nothing runs or waits; what then is."""
    board = Board()
    try:
        while not status.done:
            board.show(live_lines(status))
            time.sleep(_EVERY_S)
            status = study_status(folder)
    finally:
        board.close()
    return status


def _say_changes(folder: Path, status: StudyStatus) -> StudyStatus:
    """Say it whenever a run begins or ends, and seldom in between, until nothing runs or waits; what then is."""
    shown, waited = None, 0
    while not status.done:
        states = [run.state for run in status.runs]
        if states != shown or waited >= _SAID_AGAIN_S:
            say_lines("\n".join(lines(status)))
            shown, waited = states, 0
        time.sleep(_EVERY_S)
        waited += _EVERY_S
        status = study_status(folder)
    return status


_TOOL = Tool(lambda: StatusOptions, USAGE, _act, interrupted="the runs go on", before="shown")
main, entry = _TOOL.main, _TOOL.entry
