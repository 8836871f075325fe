"""The command `python -m tlbench.evaluate run=FOLDER [data=…] [key=value …]`.

Exit codes: 0 done, 1 the metrics are not the recorded ones or the network's outputs are not finite, 2 the user's input
is at fault, 130 / 143 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tlbench.cli.entry import exit_code_of, prepare_process
from tlbench.console import say_lines
from tlbench.tasks.registry import spec_of
from tlbench.tools.complete_run import open_run
from tlbench.tools.consent import check_root
from tlbench.tools.consent_options import consent_of, is_consent_option
from tlbench.tools.data_overrides import is_data_override, names_place, with_data
from tlbench.tools.evaluate_options import FOOTER, USAGE, EvaluateOptions
from tlbench.tools.options import help_text, of_all_tasks, parse_options, wants_help


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate a run.

    Args:
        arguments: As in `sys.argv[1:]`, the default.

    Returns:
        The exit code; anything wrong has been said on stderr.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    prepare_process()
    interrupted = "the same command begins anew, and goes on with corruptions where it was"
    return exit_code_of(lambda: _act(given), interrupted, before="evaluated")


def _act(arguments: list[str]) -> None:
    if wants_help(arguments):
        say_lines(help_text(of_all_tasks(EvaluateOptions), USAGE, FOOTER))
        return
    of_data = [a for a in arguments if is_data_override(a)]
    again = [a for a in arguments if is_consent_option(a)]
    options = parse_options(
        of_all_tasks(EvaluateOptions), [a for a in arguments if a not in of_data and a not in again]
    )
    run = open_run(options.run, consent_of(options.trust, again))
    options.check_task(run.config.task.name)
    config = with_data(run.config, of_data)
    if options.of(spec_of(run.config).options["evaluate"]).reads_own_data or not names_place(of_data):
        check_root(f"run={options.run!r}", run.trusted, run.config.data.root)
    from tlbench.tools.evaluate import evaluate  # heavy

    evaluate(options, run, config)


def entry() -> None:
    """Leave with `main`'s exit code (the console script)."""
    sys.exit(main())
