"""The command `python -m tlbench.compare FIRST SECOND [key=value …]`.

Exit codes: 0 done, 2 the user's input is at fault, 130 / 143 interrupted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from tlbench.cli.compare_options import USAGE, CompareOptions, parse_command
from tlbench.cli.tool import Tool
from tlbench.console import console, say, shown
from tlbench.records.folder import run_files
from tlbench.study.compare import Comparison, compare
from tlbench.study.render import render
from tlbench.study.sides import Side, read_sides
from tlbench.system.atomic import atomic_file, output_errors
from tlbench.system.names import json_bytes
from tlbench.system.places import check_not_read, check_output
from tlbench.system.streams import ReaderGone, write_data


def _act(kind: type[CompareOptions], arguments: Sequence[str]) -> None:
    first, second, options = parse_command(kind, arguments)
    path = None if options.output is None else check_output("output", options.output, "comparison.json")
    sides = read_sides(first, second)
    if path is not None:
        check_not_read(
            path, "output", [file for side in sides for folder in side.folders for file in run_files(folder)]
        )
    comparison = compare(*sides, factors=options.factors, metric=options.metric)
    _show(sides, comparison)
    if path is None:
        with contextlib.suppress(ReaderGone):
            write_data("")  # where standard output is closed, the table is lost
    else:
        content = {
            "sides": {side.name: [str(folder) for folder in side.folders] for side in sides},
            "differing": comparison.differences,
            **comparison.summary.to_dict(),
        }
        with output_errors(path.parent, "name another file with output=…"), atomic_file(path) as file:
            file.write(json_bytes(content))
        say(f"comparison: {shown(path)}")


def _show(sides: Sequence[Side], comparison: Comparison) -> None:
    for side in sides:
        count = len(side.folders)
        say(f"{side.name}: {side.given} ({count} run{'s' * (count > 1)})")
    if comparison.differences:
        say(f"they differ in {', '.join(comparison.summary.factors) or 'what follows'}:")
        for difference in comparison.differences:
            say(f"  {difference}")
    else:
        say("they differ in no key that affects results")
    console.print(render(comparison.summary))


_TOOL = Tool(lambda: CompareOptions, USAGE, _act, interrupted="nothing was written", before="compared")
main, entry = _TOOL.main, _TOOL.entry
