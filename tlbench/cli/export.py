"""The command `python -m tlbench.export run=FOLDER [output=FILE.onnx|FILE.pt|FILE.safetensors]`.

Exit codes: 0 written, 1 it cannot be exported or its check failed, 2 the user's input is at fault, 130 / 143
interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tlbench.cli.consent_options import consent_of, is_consent_option
from tlbench.cli.entry import exit_code_of, prepare_process
from tlbench.cli.export_options import FOOTER, USAGE, ExportOptions
from tlbench.cli.options import help_text, parse_options, wants_help
from tlbench.console import say_lines, shown
from tlbench.system.interrupts import interruptible
from tlbench.tasks.detection.ultralytics_keys import LICENCE, in_ultralytics
from tlbench.tools.complete_run import CompleteRun, open_run


def main(arguments: Sequence[str] | None = None) -> int:
    """Export a run's network.

    Args:
        arguments: As in `sys.argv[1:]`, the default.

    Returns:
        The exit code; anything wrong has been said on stderr.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    prepare_process()
    return exit_code_of(lambda: _act(given), "no file was written", before="exported")


def _act(arguments: list[str]) -> None:
    if wants_help(arguments):
        say_lines(help_text(ExportOptions, USAGE, FOOTER))
        return
    again = [a for a in arguments if is_consent_option(a)]
    options = parse_options(ExportOptions, [a for a in arguments if a not in again])
    path, kind = options.file(), options.kind()
    run = open_run(options.run, consent_of(options.trust, again))
    with interruptible():
        said = {"onnx": _act_on_onnx, "pt": _act_on_pt, "safetensors": _act_on_weights}[kind](run, path, options.half)
    say_lines("\n".join([*said, f"exported: {shown(path)}"]))


def _act_on_onnx(run: CompleteRun, path: Path, _half: bool) -> list[str]:
    from tlbench.tools.onnx_file import BATCHES, export_onnx, output_of  # heavy

    difference = export_onnx(run, path)
    batches = ", ".join(map(str, BATCHES))
    compared = (
        f"onnxruntime gives torch's {output_of(run).quantities} to {difference:.1g} on batches of {batches} images"
    )
    return [compared, *in_ultralytics(run, path)]


def _act_on_pt(run: CompleteRun, path: Path, half: bool) -> list[str]:
    from tlbench.tasks.detection.ultralytics_pt import export_pt  # heavy

    return [f"sha256 {export_pt(run, path, half=half)}; licence: {LICENCE}", *in_ultralytics(run, path)]


def _act_on_weights(run: CompleteRun, path: Path, half: bool) -> list[str]:
    from tlbench.tools.weights_file import export_weights  # heavy

    return [f"sha256 {export_weights(run, path, half=half)}"]


def entry() -> None:
    """Leave with `main`'s exit code (the console script)."""
    sys.exit(main())
