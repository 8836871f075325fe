"""The command `python -m tlbench.train [-m] [+experiment=NAME] [key=value …]`.

Exit codes: 0 complete, 1 a run failed, 2 the user's input is at fault, 130 / 143 interrupted and resumable.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from tlbench.cli.entry import exit_code_of, prepare_process
from tlbench.cli.execute import Executed, execute
from tlbench.config import TrainConfig
from tlbench.config.compose import (
    CONFIG_NAME,
    Primary,
    compose_run,
    compose_with_hydra,
    config_dir,
    known_keys,
    plain,
    sweep_size,
)
from tlbench.config.files import check_config_folder
from tlbench.config.hydra_internals import get_args_parser
from tlbench.config.overrides import check_overrides, within_grammar
from tlbench.config.parse import parse
from tlbench.config.resolvers import register_resolvers
from tlbench.config.suggestions import nearest_keys
from tlbench.console import complain, say
from tlbench.embedded.stand_ins import find_stand_ins, replace_overrides, stand_in_overrides
from tlbench.errors import ConfigError, FolderInUse, OutputError
from tlbench.processes.launched import IN_USE, WAS_COMPLETE, follow_launcher
from tlbench.processes.rank import is_first_process, launched_by_torchrun
from tlbench.records.folder import is_complete
from tlbench.records.tuning import tuning_of
from tlbench.system.atomic import ANOTHER_RUN_FOLDER, describe_output_error, is_of_files

_SEARCHED = re.compile(r"file://([^,\]'\"]+)")
"""A folder in `hydra.searchpath=[file://…]`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for.

    Args:
        arguments: As in `sys.argv[1:]`, the default.

    Returns:
        The exit code; anything wrong has been said on stderr.
    """
    prepare_process()
    launched = follow_launcher()
    arguments = [within_grammar(a) for a in (sys.argv[1:] if arguments is None else arguments)]
    # behind an override argparse would take no further ones
    arguments.sort(key=lambda argument: argument not in ("-m", "--multirun"))
    if launched_by_torchrun():
        return _with_torchrun(arguments)
    return _main(arguments, launched)


def _with_torchrun(arguments: list[str]) -> int:
    """The first process does as always; the others wait until it begins to train."""
    if get_args_parser().parse_known_args(arguments)[0].multirun:
        if is_first_process():
            complain("ConfigError: a study starts the processes of its runs itself; start it without torchrun")
        return 2
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # as in `execute`
    if not is_first_process():
        from tlbench.runs.join import join

        return join()
    from tlbench.processes.store import dismiss

    try:
        return _main(arguments)
    finally:
        dismiss()


def _main(arguments: list[str], launched: bool = False) -> int:
    interrupted = "the same command goes on from the last checkpoint, if one was written"
    return exit_code_of(lambda: _act(arguments, launched), interrupted, before="trained", otherwise=ANOTHER_RUN_FOLDER)


def _act(arguments: list[str], launched: bool) -> int:
    """Do it; a launcher, and nobody else, is told by the exit code where there was nothing to do, or not now."""
    arguments, config = _with_stand_ins(arguments)
    if _wants_plan(config, arguments):
        _show_plan(config, arguments)
        return 0
    try:
        executed = _call_hydra(arguments)
    except FolderInUse as error:
        if not launched:
            raise
        say(str(error))
        return IN_USE
    return WAS_COMPLETE if launched and executed is not None and executed.was_complete else 0


def entry() -> None:
    """Leave with `main`'s exit code (the console script)."""
    sys.exit(main())


def _with_stand_ins(arguments: list[str]) -> tuple[list[str], TrainConfig | None]:
    """Check a single run's configuration before Hydra makes its folder, and let stand-ins take their place in it.

    The runs of a study are checked the same way by the launcher, which knows their overrides.

    Returns:
        The arguments with the stand-ins, and the configuration that they give; None for a study.
    """
    options = _options(arguments)
    if options.config_dir and not Path(options.config_dir).is_dir():
        raise ConfigError(f"--config-dir {options.config_dir!r}: no such folder; name one with config groups in it")
    for place in (options.config_dir, options.config_path):
        if place and Path(place).is_dir():
            check_config_folder(place)
    for override in options.overrides:
        for place in _SEARCHED.findall(override) if override.lstrip("+").startswith("hydra.searchpath=") else ():
            check_config_folder(place)
    other = (options.help, options.hydra_help, options.cfg, options.info, options.shell_completion, options.multirun)
    asked_for = any(other) and not options.multirun
    if asked_for:
        return arguments, None
    check_overrides(options.overrides)
    searched = [options.config_dir] if options.config_dir else []
    primary = _primary(options)
    if options.multirun or any(o.startswith("hydra.mode=") for o in options.overrides):
        compose_with_hydra(options.overrides, searched, primary, study=True)
        return arguments, None
    config, folder = compose_run(options.overrides, searched, primary)
    tuning_of(config, folder)
    complete = is_complete(folder, config.model_dump(mode="json"))
    found = [] if complete and not config.rerun else find_stand_ins(config)
    if not found:
        return arguments, config
    flags = [a for a in arguments if a not in options.overrides]
    overrides = replace_overrides(options.overrides, stand_in_overrides(config.study, found))
    return [*flags, *overrides], compose_run(overrides, searched, primary)[0]


def _options(arguments: list[str]) -> argparse.Namespace:
    """Hydra's own options and the overrides.

    Raises:
        ConfigError: One is unknown.
    """
    options, unknown = get_args_parser().parse_known_args(arguments)
    if unknown:
        key, equals, value = unknown[0].lstrip("-").partition("=")
        if not equals:
            place = arguments.index(unknown[0]) + 1
            value = next((a for a in arguments[place : place + 1] if not a.startswith("-") and "=" not in a), "…")
        names = nearest_keys(key, known_keys(compose_with_hydra([]))) or ["key"]
        raise ConfigError(
            f"{unknown[0]}: no such option; settings are given as key=value, without dashes, such as "
            f"{names[0]}={value}; --help lists all"
        )
    return options


def _primary(options: argparse.Namespace) -> Primary:
    folder = None if options.config_path is None else Path(__file__).parent / options.config_path  # as Hydra takes it
    return Primary(options.config_name or CONFIG_NAME, folder)


def _wants_plan(config: TrainConfig | None, arguments: list[str]) -> bool:
    if config is not None:
        return config.plan
    options = _options(arguments)
    return options.multirun and any(o in ("plan=true", "plan=True") for o in options.overrides)


def _show_plan(config: TrainConfig | None, arguments: list[str]) -> None:
    """Print the plan of a single run, or of a study, before Hydra could make a folder."""
    options = _options(arguments)
    searched, primary = [options.config_dir] if options.config_dir else [], _primary(options)
    if config is None:
        from tlbench.cli.plan_sweep import show_sweep  # heavy

        show_sweep(options.overrides, searched, primary)
    else:
        runs, at_a_time = sweep_size(options.overrides, searched, primary)
        from tlbench.runs.dry_run.show import show_run_plan  # heavy

        show_run_plan(config, runs, at_a_time)


def _call_hydra(arguments: list[str]) -> Executed | None:
    """Let Hydra do what it is asked for; None where that is not a run in this process."""
    register_resolvers()
    executed: list[Executed] = []
    failed: list[Exception] = []

    def run_here(config: DictConfig) -> None:
        try:
            executed.append(execute(parse(plain(config)), Path(HydraConfig.get().runtime.output_dir)))
        except Exception as error:  # raised below: Hydra would print lines of its own about it
            failed.append(error)

    given = sys.argv
    sys.argv = [given[0], *arguments]
    try:
        hydra.main(config_path=str(config_dir()), config_name=CONFIG_NAME, version_base="1.3")(run_here)()
    except OSError as error:  # it makes the run's folder
        if error.filename is None or not is_of_files(error):
            raise
        raise OutputError(describe_output_error(Path(error.filename), error)) from error
    finally:
        sys.argv = given
    if failed:
        raise failed[0]
    return executed[0] if executed else None
