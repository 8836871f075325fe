"""The command line of `python -m tlbench.train`, read once."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tlbench.config.compose import CONFIG_NAME, Composer, Primary, known_keys
from tlbench.config.conf_folder import config_dir
from tlbench.config.files import check_config_folder
from tlbench.config.hydra_internals import get_args_parser, show
from tlbench.config.overrides import check_overrides, within_grammar
from tlbench.config.resolvers import register_resolvers
from tlbench.config.suggestions import nearest_keys
from tlbench.errors import ConfigError

_SEARCHED = re.compile(r"file://([^,\]'\"]+)")
"""A folder in `hydra.searchpath=[file://…]`."""

_COMMANDS = ("run", "multirun", "cfg", "info", "shell_completion")


@dataclass(frozen=True)
class CommandLine:
    """What was typed.

    Attributes:
        overrides: As Hydra's grammar wants them.
        options: Hydra's own options, such as `--cfg`.
        strange: An option that there is not, and what may be its value.
        parser: That has read them; what Hydra shows is made with it.
    """

    overrides: tuple[str, ...]
    options: argparse.Namespace
    strange: tuple[str, str] | None
    parser: argparse.ArgumentParser

    @classmethod
    def read(cls, arguments: Sequence[str]) -> CommandLine:
        """Read `sys.argv[1:]`; nothing is checked but what no parser can read.

        Raises:
            SystemExit: That has been said, or Hydra's version.
        """
        meant = [within_grammar(argument) for argument in arguments]
        # behind an override argparse would take no further ones
        meant.sort(key=lambda argument: argument not in ("-m", "--multirun"))
        parser = get_args_parser()
        options, unknown = parser.parse_known_args(meant)
        strange = (unknown[0], _value_of(unknown[0], meant)) if unknown else None
        return cls(tuple(options.overrides), options, strange, parser)

    @property
    def asks_for(self) -> Literal["help", "what Hydra shows", "a rerun", "a study", "a run"]:
        """What is to be done; a run may turn out to be a study where a configuration says so (`hydra.mode`)."""
        options = self.options
        if options.experimental_rerun is not None:
            return "a rerun"
        if options.help:
            return "help"
        if any((options.hydra_help, options.cfg, options.info, options.shell_completion)):
            return "what Hydra shows"
        return "a study" if options.multirun else "a run"

    @property
    def wants_plan(self) -> bool:
        """Whether a study is only to be planned; of a run its configuration says it."""
        return self.asks_for == "a study" and any(o in ("plan=true", "plan=True") for o in self.overrides)

    def check(self) -> None:
        """Refuse what is wrong before anything is composed.

        Raises:
            ConfigError: An option is unknown, or does not go with another; a folder of configurations is not there, or
                must not be read; an override cannot be read.
        """
        if self.strange is not None:
            raise ConfigError(_no_option(*self.strange))
        _check_commands(self.options)
        file = self.options.experimental_rerun
        if file is not None and not Path(file).is_file():
            raise ConfigError(f"--experimental-rerun {file!r}: no such file; name a job's config.pickle")
        place = self.options.config_dir
        if place and not Path(place).is_dir():
            raise ConfigError(f"--config-dir {place!r}: no such folder; name one with config groups in it")
        for place in (self.options.config_dir, self.options.config_path):
            if place and Path(place).is_dir():
                check_config_folder(place)
        for override in self.overrides:
            for place in _SEARCHED.findall(override) if override.lstrip("+").startswith("hydra.searchpath=") else ():
                check_config_folder(place)
        if self.asks_for in ("a study", "a run"):
            check_overrides(self.overrides)

    def composer(self) -> Composer:
        """Composes as `--config-dir`, `--config-path` and `--config-name` want it."""
        options = self.options
        # a relative one is taken from here, as Hydra does
        folder = None if options.config_path is None else Path(__file__).parent / options.config_path
        searched = [options.config_dir] if options.config_dir else []
        return Composer(searched, Primary(options.config_name or CONFIG_NAME, folder))

    def show(self, task: Callable[[Any], Any]) -> None:
        """Let Hydra show what it is asked for; see `hydra_internals.show`."""
        register_resolvers()
        show(self.options, self.parser, config_dir(), CONFIG_NAME, task)


def _value_of(option: str, arguments: Sequence[str]) -> str:
    place = arguments.index(option) + 1
    return next((a for a in arguments[place : place + 1] if not a.startswith("-") and "=" not in a), "…")


def _no_option(option: str, behind: str) -> str:
    key, equals, value = option.lstrip("-").partition("=")
    names = nearest_keys(key, known_keys(Composer().compose([]))) or ["key"]
    return (
        f"{option}: no such option; settings are given as key=value, without dashes, such as "
        f"{names[0]}={value if equals else behind}; --help all lists them"
    )


def _check_commands(options: argparse.Namespace) -> None:
    """Refuse what Hydra refuses with a traceback."""
    if options.help:
        return
    if options.resolve and not options.cfg:
        raise ConfigError("--resolve: goes with --cfg alone; drop it")
    given = [f"--{name.replace('_', '-')}" for name in _COMMANDS if getattr(options, name)]
    if len(given) > 1 and not options.hydra_help:
        raise ConfigError(f"{' '.join(given)}: are different things to do; give one of them")
