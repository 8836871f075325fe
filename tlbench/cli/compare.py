"""The command `python -m tlbench.compare FIRST SECOND [key=value …]`.

Exit codes: 0 done, 2 the user's input is at fault, 130 / 143 interrupted.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tlbench.cli.compare_options import USAGE, CompareOptions, parse_command
from tlbench.cli.tool import Tool
from tlbench.console import console, say, shown, warn
from tlbench.errors import ConfigError
from tlbench.records.folder import run_files
from tlbench.records.record import FILE_NAME
from tlbench.reporting.write import write_report
from tlbench.study.compare import Comparison, compare
from tlbench.study.preregistration import REGISTRATION_FILE
from tlbench.study.render import render, warning_lines
from tlbench.study.sides import Side, read_sides
from tlbench.study.summary import SUMMARY_FILE
from tlbench.system.atomic import atomic_file, output_errors
from tlbench.system.names import json_bytes
from tlbench.system.places import check_not_read, check_output
from tlbench.system.streams import ReaderGone, write_data

COMPARISON_FILE = "comparison.json"
"""All numbers, beside the report."""

_NUMBERS = ".json"
_OWNERS = {FILE_NAME: "a run", SUMMARY_FILE: "a study", REGISTRATION_FILE: "a study"}


def _act(kind: type[CompareOptions], arguments: Sequence[str]) -> None:
    first, second, options = parse_command(kind, arguments)
    reported = options.output is not None and not options.output.endswith(_NUMBERS)
    path = None if options.output is None else _numbers_file(options.output)
    sides = read_sides(first, second)
    if path is not None:
        check_not_read(
            path, "output", [file for side in sides for folder in side.folders for file in run_files(folder)]
        )
    comparison = compare(*sides, factors=options.factors, metric=options.metric, margin=options.margin)
    _show(sides, comparison)
    if path is None:
        with contextlib.suppress(ReaderGone):
            write_data("")  # where standard output is closed, the table is lost
        return
    command = shlex.join(["python", "-m", "tlbench.compare", *arguments])
    summary = replace(comparison.summary, command=command)
    content = {
        "sides": {side.name: [str(folder) for folder in side.folders] for side in sides},
        "differing": comparison.differences,
        **summary.to_dict(),
    }
    with output_errors(path.parent, "name another file with output=…"), atomic_file(path) as file:
        file.write(json_bytes(content))
    say(f"comparison: {shown(path)}")
    if reported:
        summary = replace(summary, notes=(*summary.notes, _differing(sides, comparison)))
        with output_errors(path.parent, "name another folder with output=…"):
            report = write_report(path.parent, summary, [record for side in sides for record in side.complete])
        say(f"report: {shown(report)}")


def _numbers_file(output: str) -> Path:
    """The file for all numbers: `output` itself where it ends in `.json`, else one in that folder.

    Raises:
        ConfigError: A file cannot be written there, or the folder is that of a run or a study.
    """
    if output.endswith(_NUMBERS):
        return check_output("output", output, COMPARISON_FILE)
    folder = Path(output).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"output={output!r}: no folder; name a folder, or a file that ends in {_NUMBERS}")
    for name, owner in _OWNERS.items():
        if (folder / name).exists():
            raise ConfigError(f"output={output!r}: the folder of {owner}, with files of its own; name another folder")
    return folder / COMPARISON_FILE


def _differing(sides: Sequence[Side], comparison: Comparison) -> str:
    """For the report, which has no other place for it."""
    differences = "; ".join(comparison.differences) or "no key that affects results"
    return f"{' and '.join(side.name for side in sides)} differ in {differences}."


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
    for warning in warning_lines(comparison.summary):
        warn(warning)


_TOOL = Tool(lambda: CompareOptions, USAGE, _act, interrupted="nothing was written", before="compared")
main, entry = _TOOL.main, _TOOL.entry
