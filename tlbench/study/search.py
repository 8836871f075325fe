"""What is searched for an arm: its trials' configuration, where they lie, and the choice that they led to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig

from tlbench.config import TrainConfig
from tlbench.config.arms import arm_name
from tlbench.config.compose import plain
from tlbench.config.hash import config_hash
from tlbench.config.parse import parse
from tlbench.embedded.stand_ins import replace_overrides
from tlbench.errors import ConfigError
from tlbench.records.tuning import TUNING_FOLDER, SearchRecord, TuningRecord, ranges_of, read_tuning
from tlbench.tasks.registry import spec_of
from tlbench.tasks.spec import Mode

Compose = Callable[[Sequence[str]], DictConfig]
"""Composes a run's configuration, Hydra's own node included, from its overrides."""


class Checked(NamedTuple):
    """A configuration as it was composed, and as it was found to be allowed."""

    composed: DictConfig
    config: TrainConfig


Check = Callable[[Sequence[str]], Checked]
"""Composes and checks a run's configuration.

Raises:
    ConfigError: It is not allowed.
"""


def checked_once(compose: Compose) -> Check:
    """Composes and checks each configuration once, however often it is asked for."""
    known: dict[tuple[str, ...], Checked] = {}

    def check(overrides: Sequence[str]) -> Checked:
        key = tuple(overrides)
        if key not in known:
            composed = compose(overrides)
            known[key] = Checked(composed, parse(plain(composed)))
        return known[key]

    return check


@dataclass(frozen=True)
class Search:
    """The search of an arm.

    Attributes:
        arm: The arm's name.
        folder: Of its trials and of the choice.
        overrides: Those of a trial, without the values of the tuned keys.
        config: A trial's configuration, with any such values.
        record: What is searched, as the choice will say.
    """

    arm: str
    folder: Path
    overrides: list[str]
    config: TrainConfig
    record: SearchRecord

    @property
    def mode(self) -> Mode:
        """The better direction of the monitored metric."""
        return spec_of(self.config).mode_of(self.record.monitor)

    def trial_folder(self, number: int) -> Path:
        """Of a trial, counted from 1."""
        return self.folder / f"trial_{number}"

    def known(self) -> TuningRecord | None:
        """The choice that this search has led to; none where another search's lies there."""
        found = read_tuning(self.folder)
        if found is None or found.model_dump(include=set(SearchRecord.model_fields)) != self.record.model_dump():
            return None
        return found


def search_of(overrides: Sequence[str], config: TrainConfig, run_folder: Path, check: Check) -> Search:
    """The search for the arm of a run.

    A trial is a run with the seed of `tuning`, fewer epochs if so wished, and without a test; W&B and MLflow do not
    get it. All else is as in the arm's runs.

    Args:
        overrides: The run's.
        config: What they give, with `tune`.
        run_folder: The run's folder; the trials lie beside it.
        check: Composes and checks the trials' configuration.

    Raises:
        ConfigError: The trials' configuration is not allowed.
    """
    tuning = config.tuning
    changed = {
        "seed": str(tuning.seed),
        "tune": "null",
        "test": "false",
        "rerun": "false",
        "logger.wandb": "null",
        "logger.mlflow": "null",
    }
    if tuning.max_epochs is not None:
        changed["trainer.max_epochs"] = str(tuning.max_epochs)
    trial_overrides = replace_overrides(overrides, changed)
    try:
        trial = check(trial_overrides).config
    except ConfigError as error:
        raise ConfigError(f"tuning.max_epochs={tuning.max_epochs}: the trials cannot be made: {error}") from None
    keys = config.tune or []
    values = trial.model_dump(mode="json")
    for key in keys:
        del values["optimizer"][key.removeprefix("optimizer.")]
    record = SearchRecord(
        keys=list(keys),
        ranges=ranges_of(config),
        budget=tuning.trials,
        seed=tuning.seed,
        max_epochs=trial.trainer.max_epochs,
        monitor=trial.callbacks.monitor or spec_of(trial).default_monitor,
        config_hash=config_hash(values),
    )
    arm = arm_name(config.model_dump(mode="json"), config.factors)
    return Search(arm, run_folder.parent / TUNING_FOLDER, trial_overrides, trial, record)
