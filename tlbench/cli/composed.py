"""What a command line gives: a run or a study, composed and checked once, before any folder is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from tlbench.cli.command_line import CommandLine
from tlbench.cli.execute import Executed, execute
from tlbench.config import TrainConfig
from tlbench.config.compose import Composer, plain
from tlbench.config.overrides import quoted
from tlbench.config.parse import parse
from tlbench.console import say, shown
from tlbench.embedded.stand_ins import find_stand_ins, replace_overrides, stand_in_overrides
from tlbench.errors import OutputError
from tlbench.records.earlier_arm import ArmFolders
from tlbench.records.folder import is_complete
from tlbench.records.tuning import tuning_of
from tlbench.system.atomic import describe_output_error, is_of_files


@dataclass(frozen=True)
class ComposedStudy:
    """A study, whose runs its launcher composes and checks.

    Attributes:
        composed: What its runs have in common, with Hydra's own node.
        composer: That has composed it.
        multirun: Whether `-m` was given.
    """

    composed: DictConfig
    composer: Composer
    multirun: bool

    def start(self) -> None:
        """Let Hydra's sweeper and the launcher make its runs.

        Raises:
            UserError, StudyFailed: As `launch_study`.
        """
        with _folder_made():
            self.composer.run(self.composed, lambda _: None, multirun=self.multirun)


@dataclass(frozen=True)
class ComposedRun:
    """A single run, stand-ins in place.

    Attributes:
        composed: Its configuration with Hydra's own node.
        composer: That has composed it.
        config: Its configuration, checked.
    """

    composed: DictConfig
    composer: Composer
    config: TrainConfig

    def start(self) -> Executed | None:
        """Let Hydra make the run's folder and do all else that it is asked for around a run, and execute the run there.

        Returns:
            None where a configuration file makes a study of it (`hydra.mode`).

        Raises:
            UserError, Failure, Interrupted: As `execute`.
        """
        executed: list[Executed] = []
        failed: list[Exception] = []
        hydra = self.composed.hydra
        # Hydra's callbacks may change what they are shown, and variables that it sets are read from then on
        changeable = bool(hydra.callbacks) or bool(hydra.job.env_set)

        def run_here(shown: DictConfig) -> None:
            try:
                config = parse(plain(shown)) if changeable else self.config
                executed.append(execute(config, Path(HydraConfig.get().runtime.output_dir)))
            except Exception as error:  # raised below: Hydra would print lines of its own about it
                failed.append(error)

        with _folder_made():
            self.composer.run(self.composed, run_here, multirun=False)
        if failed:
            raise failed[0]
        return executed[0] if executed else None


@contextmanager
def _folder_made() -> Iterator[None]:
    """Say what is in Hydra's way when it makes a folder."""
    try:
        yield
    except OSError as error:
        if error.filename is None or not is_of_files(error):
            raise
        raise OutputError(describe_output_error(Path(error.filename), error)) from error


def compose(line: CommandLine) -> ComposedRun | ComposedStudy:
    """Compose what a command line asks for; a single run is checked, and stand-ins take their place in it.

    Raises:
        UserError: A configuration, the data or the weights are at fault, or the run's folder holds another.
        HydraException, OmegaConfBaseException: It cannot be composed; see `explain`.
    """
    composer = line.composer()
    multirun = line.asks_for == "a study"
    if multirun or any(override.startswith("hydra.mode=") for override in line.overrides):
        study = composer.compose(line.overrides, study=True)
        if multirun or study.hydra.mode == RunMode.MULTIRUN:
            return ComposedStudy(study, composer, multirun)
    overrides = list(line.overrides)
    composed = composer.compose(overrides)
    config, folder = parse(plain(composed)), Path(composed.hydra.run.dir)
    there = _under_an_earlier_name(config, folder, overrides)
    if there != folder:
        folder, overrides = there, replace_overrides(overrides, {"hydra.run.dir": quoted(str(there))})
        composed = composer.compose(overrides)
    tuning_of(config, folder)
    complete = is_complete(folder, config.model_dump(mode="json"))
    found = [] if complete and not config.rerun else find_stand_ins(config)
    if found:  # they choose other options, which bring keys of their own
        overrides = replace_overrides(overrides, stand_in_overrides(config, found))
        composed = composer.compose(overrides)
        config = parse(plain(composed))
    return ComposedRun(composed, composer, config)


def _under_an_earlier_name(config: TrainConfig, folder: Path, overrides: Sequence[str]) -> Path:
    """A run's folder, or the one under its arm's earlier name, unless the folder was given."""
    if any(override.startswith("hydra.run.dir=") for override in overrides):
        return folder
    folders = ArmFolders()
    there = folders.of_run(folder, folder.parent.parent, config.model_dump(mode="json"), config.factors)
    for arm, found in folders.found.items():
        say(f"{shown(found)}: a run of {arm}, under the name that earlier versions gave it; it stays there")
    return there
