"""Entry: `python -m tlbench.evaluate run=FOLDER [data=…] [key=value …]`.

Exit codes: 0 done, 1 the metrics are not the recorded ones or the network's outputs are not finite, 2 the user's input
is at fault, 130 / 143 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tlbench.console import say_lines
from tlbench.entry import exit_code_of, prepare_process
from tlbench.inference.complete_run import open_run
from tlbench.inference.data_overrides import is_data_override, with_data
from tlbench.inference.evaluate_options import FOOTER, USAGE, EvaluateOptions
from tlbench.inference.options import help_text, parse_options, wants_help


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
        say_lines(help_text(EvaluateOptions, USAGE, FOOTER))
        return
    options = parse_options(EvaluateOptions, [a for a in arguments if not is_data_override(a)])
    run = open_run(options.run)
    options.check_task(run.config.task.name)
    config = with_data(run.config, [a for a in arguments if is_data_override(a)])
    from tlbench.inference.evaluate import evaluate  # heavy

    evaluate(options, run, config)


def entry() -> None:
    """Leave with `main`'s exit code (the console script)."""
    sys.exit(main())


if __name__ == "__main__":
    entry()
