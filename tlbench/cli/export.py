"""The command `python -m tlbench.export run=FOLDER [output=FILE.onnx|FILE.pt|FILE.safetensors]`.

Exit codes: 0 written, 1 it cannot be exported or its check failed, 2 the user's input is at fault, 130 / 143
interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tlbench.cli.entry import exit_code_of, prepare_process
from tlbench.console import say_lines, shown
from tlbench.system.interrupts import interruptible
from tlbench.tools.complete_run import open_run
from tlbench.tools.consent_options import consent_of, is_consent_option
from tlbench.tools.export_options import FOOTER, USAGE, ExportOptions
from tlbench.tools.options import help_text, parse_options, wants_help


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
        from tlbench.tools.export import export  # heavy

        said = export(run, path, kind, half=options.half)
    say_lines("\n".join([*said, f"exported: {shown(path)}"]))


def entry() -> None:
    """Leave with `main`'s exit code (the console script)."""
    sys.exit(main())
