"""Entry: `python -m tlbench.export run=FOLDER [output=FILE.onnx|FILE.safetensors]`.

Exit codes: 0 written, 1 it cannot be exported or its check failed, 2 the user's input is at fault, 130 / 143
interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tlbench.console import say, say_lines, shown
from tlbench.entry import exit_code_of, prepare_process
from tlbench.inference.complete_run import CompleteRun, open_run
from tlbench.inference.consent_options import consent_of, is_consent_option
from tlbench.inference.export_options import FOOTER, USAGE, WEIGHTS, ExportOptions
from tlbench.inference.options import help_text, parse_options, wants_help
from tlbench.interrupts import interruptible


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
    path = options.file()
    run = open_run(options.run, consent_of(options.trust, again))
    if path.suffix.lower() == WEIGHTS:
        _act_on_weights(run, path, half=options.half)
        return
    from tlbench.inference.onnx_file import BATCHES, export_onnx, output_of  # heavy

    with interruptible():
        difference = export_onnx(run, path)
    batches = ", ".join(map(str, BATCHES))
    quantities = output_of(run).quantities
    say(f"onnxruntime gives torch's {quantities} to {difference:.1g} on batches of {batches} images")
    say(f"exported: {shown(path)}")


def _act_on_weights(run: CompleteRun, path: Path, *, half: bool) -> None:
    from tlbench.inference.weights_file import export_weights  # heavy

    with interruptible():
        sha256 = export_weights(run, path, half=half)
    say(f"sha256 {sha256}")
    say(f"exported: {shown(path)}")


def entry() -> None:
    """Leave with `main`'s exit code (the console script)."""
    sys.exit(main())


if __name__ == "__main__":
    entry()
