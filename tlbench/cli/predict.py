"""The command `python -m tlbench.predict run=FOLDER input=IMAGES [output=FILE] [key=value …]`.

Exit codes: 0 some images were readable, 1 the network's outputs for some of them are not finite, or standard output was
closed before the end or cannot be written, 2 the user's input is at fault, 130 / 143 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tlbench.cli.entry import exit_code_of, prepare_process
from tlbench.console import say_lines
from tlbench.system.streams import ReaderGone
from tlbench.tools.complete_run import open_run
from tlbench.tools.consent_options import consent_of, is_consent_option
from tlbench.tools.options import help_text, of_all_tasks, parse_options, wants_help
from tlbench.tools.predict_options import FOOTER, USAGE, PredictOptions


def main(arguments: Sequence[str] | None = None) -> int:
    """Classify images or find objects in them.

    Args:
        arguments: As in `sys.argv[1:]`, the default.

    Returns:
        The exit code; anything wrong has been said on stderr.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    prepare_process()
    return exit_code_of(lambda: _act(given), "the output file was not written", before="predicted")


def _act(arguments: list[str]) -> int:
    if wants_help(arguments):
        say_lines(help_text(of_all_tasks(PredictOptions), USAGE, FOOTER))
        return 0
    again = [a for a in arguments if is_consent_option(a)]
    options = parse_options(of_all_tasks(PredictOptions), [a for a in arguments if a not in again])
    options.file()
    options.kind()
    run = open_run(options.run, consent_of(options.trust, again))
    options.check_task(run.config.task.name)
    from tlbench.tools.predict import predict  # heavy

    try:
        predict(options, run)
    except ReaderGone:
        return 1
    return 0


def entry() -> None:
    """Leave with `main`'s exit code (the console script)."""
    sys.exit(main())
