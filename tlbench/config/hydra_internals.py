"""What tlbench takes of Hydra that Hydra does not promise, so that a new version of Hydra is met here alone."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, IConfigRepository
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import _run_app, _run_hydra, create_config_search_path, get_args_parser
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.main import _get_rerun_conf as config_of_rerun
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode, TaskFunction
from omegaconf import DictConfig

__all__ = ["SWEEPER", "OnceHydra", "config_of_rerun", "get_args_parser", "show"]

SWEEPER = f"{BasicSweeper.__module__}.{BasicSweeper.__qualname__}"

_VERSION_BASE = "1.3"


class OnceHydra(Hydra):
    """Runs the configurations that it has composed, where Hydra composes anew what it runs.

    Args:
        main: Folder of the primary configuration.
        searched: Further folders with config groups; the first is searched last.
    """

    def __init__(self, main: Path, searched: Sequence[str | Path]) -> None:
        version.setbase(_VERSION_BASE)
        places = create_config_search_path(str(main))
        for place in searched:  # as Hydra does it for `--config-dir`
            anchor = SearchPathQuery(provider="schema")
            places.prepend("command-line", f"file://{Path(place).absolute()}", anchor=anchor)
        self._loader = _Loader(places)
        super().__init__(task_name="train", config_loader=self._loader)

    def compose_run(self, study: DictConfig, overrides: Sequence[str]) -> DictConfig:
        """The configuration of one of a study's runs; asked for again, the same object, so do not change it."""
        return self._loader.load_sweep_config(study, list(overrides))

    def runs_of(self, study: DictConfig) -> list[list[str]]:
        """The overrides of each run that Hydra's sweeper makes of a study."""
        swept = [f"{key}={value}" for key, value in (study.hydra.sweeper.params or {}).items()]
        parser = OverridesParser.create(config_loader=self._loader)
        (runs,) = BasicSweeper.split_arguments(parser.parse_overrides([*swept, *study.hydra.overrides.task]), None)
        return runs

    def run_composed(self, composed: DictConfig, multirun: bool, task: TaskFunction) -> None:
        """What `hydra.main` does once the command line is read, with a configuration as it is, and once.

        Args:
            composed: The run's or the study's.
            multirun: Whether `-m` was given; `hydra.mode` can ask for a study, too.
            task: Called in the run's folder.
        """
        known = composed.hydra.overrides
        self._loader.composed = composed
        GlobalHydra.instance().clear()
        GlobalHydra.instance().initialize(self)
        try:
            _run_app(
                run=not multirun,
                multirun=multirun,
                mode=composed.hydra.mode,
                hydra=self,
                config_name=composed.hydra.job.config_name,
                task_function=task,
                overrides=[*known.hydra, *known.task],
            )
        finally:
            GlobalHydra.instance().clear()


class _Loader(ConfigLoaderImpl):
    """Gives out what is composed already.

    Attributes:
        composed: What whoever asks next for a configuration gets; those who ask behind Hydra's `run`, as its
            `hydra.verbose` does, get their own, which they take to pieces.
    """

    def __init__(self, places: ConfigSearchPath) -> None:
        super().__init__(places)
        self.composed: DictConfig | None = None
        self._of_runs: dict[tuple[str, ...], DictConfig] = {}

    def _parse_overrides_and_create_caching_repo(
        self, config_name: str | None, overrides: list[str]
    ) -> tuple[list[Override], CachingConfigRepository]:
        """As Hydra's."""
        parsed, repository = OverridesParser.create().parse_overrides(overrides), _Repository(self.repository)
        self._process_config_searchpath(config_name, parsed, repository)
        return parsed, repository

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """As Hydra's."""
        composed, self.composed = self.composed, None
        if composed is None:
            return super().load_configuration(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)
        known = composed.hydra.overrides
        added = overrides[len(known.hydra) + len(known.task) :]
        if added:  # hydra.mode=…, by Hydra
            composed.hydra.mode = run_mode
            known.hydra.extend(added)
        return composed

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """As Hydra's; its sweeper asks for each run's to check it, and then the launcher."""
        key = tuple(sweep_overrides)
        if key not in self._of_runs:
            self._of_runs[key] = super().load_sweep_config(master_config, sweep_overrides)
        return self._of_runs[key]


_PARSED: dict[tuple[object, ...], ConfigResult] = {}
"""Of each file of configurations that this process has read: where it was found, and what it said."""


class _Repository(CachingConfigRepository):
    """Hydra's, but that a file is parsed once in a process as long as it says the same.

    Args:
        delegate: What it asks.
    """

    def __init__(self, delegate: IConfigRepository) -> None:
        self.delegate = copy.copy(delegate)  # `initialize_sources` gives it a list of its own; Hydra copies all schemas
        self.cache = {}

    def load_config(self, config_path: str) -> ConfigResult | None:
        """As Hydra's."""
        if config_path not in self.cache:
            self.cache[config_path] = self._loaded(config_path)
        return self.cache[config_path]

    def _loaded(self, config_path: str) -> ConfigResult | None:
        sources = self.delegate.get_sources()
        source = next((each for each in sources if each.is_config(config_path)), None)
        said: bytes | None
        if source is not None and source.scheme() == "file":
            said = Path(source.path, source._normalize_file_name(config_path)).read_bytes()
        elif source is not None and source.provider == "hydra":  # its own, which came with it
            said = None
        else:
            return self.delegate.load_config(config_path)
        key = (config_path, said, *((each.scheme(), each.provider, each.path) for each in sources))
        if key not in _PARSED:
            parsed = self.delegate.load_config(config_path)
            assert parsed is not None
            _PARSED[key] = parsed
        own = copy.copy(_PARSED[key])
        own.config = copy.deepcopy(own.config)  # whose nodes become those of what is composed
        return own


def show(
    options: argparse.Namespace, parser: argparse.ArgumentParser, main: Path, name: str, task: TaskFunction
) -> None:
    """What Hydra has to show: help, information, configurations, completions of a shell.

    Args:
        options: That the parser has read.
        parser: `get_args_parser()`.
        main: Folder of the primary configuration, where the options name none.
        name: The primary configuration's, likewise.
        task: Whose module gives the job its name, and is where a relative `--config-path` begins.

    Raises:
        SystemExit: It is shown.
    """
    version.setbase(_VERSION_BASE)
    _run_hydra(options, parser, task, str(main), name)
