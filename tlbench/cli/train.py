"""The command `python -m tlbench.train [-m] [+experiment=NAME] [key=value …]`.

Exit codes: 0 complete, 1 a run failed, 2 the user's input is at fault, 130 / 143 interrupted and resumable.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from tlbench.cli.command_line import CommandLine
from tlbench.cli.composed import ComposedRun, ComposedStudy, compose
from tlbench.cli.entry import exit_code_of, prepare_process
from tlbench.cli.execute import Executed, execute
from tlbench.cli.help import help_text
from tlbench.config.compose import plain, sweep_size
from tlbench.config.hydra_internals import config_of_rerun
from tlbench.config.parse import parse
from tlbench.console import complain, say, say_lines
from tlbench.errors import FolderInUse
from tlbench.processes.launched import IN_USE, WAS_COMPLETE, follow_launcher
from tlbench.processes.rank import is_first_process, launched_by_torchrun
from tlbench.system.atomic import ANOTHER_RUN_FOLDER


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for.

    Args:
        arguments: As in `sys.argv[1:]`, the default.

    Returns:
        The exit code; anything wrong has been said on stderr.
    """
    prepare_process()
    launched = follow_launcher()
    given = sys.argv[1:] if arguments is None else arguments
    if launched_by_torchrun():
        return _with_torchrun(CommandLine.read(given))
    return _exit_code_of(lambda: _act(CommandLine.read(given), launched))


def _with_torchrun(line: CommandLine) -> int:
    """The first process does as always; the others wait until it begins to train."""
    if line.options.multirun:
        if is_first_process():
            complain("ConfigError: a study starts the processes of its runs itself; start it without torchrun")
        return 2
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # as in `execute`
    if not is_first_process():
        from tlbench.runs.join import join

        return join()
    from tlbench.processes.store import dismiss

    try:
        return _exit_code_of(lambda: _act(line))
    finally:
        dismiss()


def _exit_code_of(action: Callable[[], int]) -> int:
    interrupted = "the same command goes on from the last checkpoint, if one was written"
    return exit_code_of(action, interrupted, before="trained", otherwise=ANOTHER_RUN_FOLDER)


def _act(line: CommandLine, launched: bool = False) -> int:
    """Do it; a launcher, and nobody else, is told by the exit code where there was nothing to do, or not now."""
    line.check()
    if line.asks_for == "help":
        say_lines(help_text(line.composer(), line.overrides))
        return 0
    if line.asks_for == "what Hydra shows":
        line.show(main)
        return 0
    asked = None if line.asks_for == "a rerun" else compose(line)
    if asked is not None and _plan(asked, line):
        return 0
    try:
        executed = _rerun(line) if asked is None else asked.start()
    except FolderInUse as error:
        if not launched:
            raise
        say(str(error))
        return IN_USE
    return WAS_COMPLETE if launched and executed is not None and executed.was_complete else 0


def _plan(asked: ComposedRun | ComposedStudy, line: CommandLine) -> bool:
    """Print the plan of a run or study, where that is all that is wanted; no folder is made."""
    if isinstance(asked, ComposedStudy):
        if line.wants_plan:
            from tlbench.cli.plan_sweep import show_sweep  # heavy

            show_sweep(asked)
        return line.wants_plan
    if asked.config.plan:
        runs, at_a_time = sweep_size(asked.composed)
        from tlbench.runs.dry_run.show import show_run_plan  # heavy

        show_run_plan(asked.config, runs, at_a_time)
    return asked.config.plan


def _rerun(line: CommandLine) -> Executed:
    """Repeat a job that Hydra has pickled (`PickleJobInfoCallback`)."""
    line.composer()  # makes known what the configuration computes with
    config = config_of_rerun(line.options.experimental_rerun, list(line.overrides))
    return execute(parse(plain(config)), Path(HydraConfig.get().runtime.output_dir))


def entry() -> None:
    """Leave with `main`'s exit code (the console script)."""
    sys.exit(main())
