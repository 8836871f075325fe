"""How the values of an arm's tuned keys were chosen: written once for the arm, then part of its runs' records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tlbench.config import TrainConfig
from tlbench.errors import ConfigError
from tlbench.system.atomic import ANOTHER_RUN_FOLDER, write_atomic
from tlbench.system.places import check_place
from tlbench.system.regular_file import read_regular

TUNING_FOLDER = "tuning"
"""In an arm's folder, beside its runs'."""
RESULT_FILE = "result.json"


class TrialRecord(BaseModel):
    """A trial: the values it trained with, and the monitored metric of its best epoch; null where it failed."""

    model_config = ConfigDict(extra="forbid")

    values: dict[str, float]
    value: float | None
    status: Literal["complete", "failed"]
    error: str | None = None


class SearchRecord(BaseModel):
    """What was searched for an arm.

    `ranges` holds the least and largest value of each key; `seed` is that of the sampler and of the trials;
    `max_epochs` is a trial's; `config_hash` is over the trials' configuration but the tuned keys.
    """

    model_config = ConfigDict(extra="forbid")

    keys: list[str]
    ranges: dict[str, list[float]]
    budget: int
    seed: int
    max_epochs: int
    monitor: str
    config_hash: str


class TuningRecord(SearchRecord):
    """What came of it: each trial, the values of the best, and what limits the choice."""

    trials: list[TrialRecord]
    chosen: dict[str, float]
    warnings: list[str]


def write_tuning(folder: Path, result: TuningRecord) -> None:
    """Write `result.json` atomically.

    Raises:
        OutputError: The disk refuses.
    """
    text = json.dumps(result.model_dump(), indent=1, allow_nan=False, ensure_ascii=False)
    write_atomic(folder / RESULT_FILE, text.encode() + b"\n")


def read_tuning(folder: Path) -> TuningRecord | None:
    """The choice that a tuning folder holds; None where there is none that can be read, as it can be made again.

    Raises:
        OutputError: Something else lies where it belongs.
    """
    check_place(folder / RESULT_FILE, ANOTHER_RUN_FOLDER)
    try:
        return TuningRecord.model_validate_json(read_regular(folder / RESULT_FILE))
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def tuning_of(config: TrainConfig, folder: Path) -> TuningRecord | None:
    """How a run's tuned values were chosen: what lies beside its folder; None where nothing is tuned.

    Raises:
        ConfigError: No study has chosen the values that this configuration has.
    """
    if config.tune is None:
        return None
    result = read_tuning(folder.parent / TUNING_FOLDER)
    if result is None or not _is_of(result, config):
        keys = ",".join(config.tune)
        raise ConfigError(
            f"tune=[{keys}]: values are chosen for the arms of a study, and none has chosen this run's; add -m, or "
            "give the value yourself with tune=null"
        )
    return result


def tuned_values(config: TrainConfig, keys: Sequence[str]) -> dict[str, float]:
    """The values that a configuration has for tunable keys."""
    return {key: getattr(config.optimizer, key.removeprefix("optimizer.")) for key in keys}


def with_values(config: TrainConfig, values: Mapping[str, float]) -> TrainConfig:
    """The configuration with other values for tunable keys."""
    changed = {key.removeprefix("optimizer."): value for key, value in values.items()}
    return config.model_copy(update={"optimizer": config.optimizer.model_copy(update=changed)})


def ranges_of(config: TrainConfig) -> dict[str, list[float]]:
    """Tuned key → least and largest value."""
    ranges = config.tuning.ranges.optimizer.model_dump()
    return {key: ranges[key.removeprefix("optimizer.")] for key in config.tune or []}


def _is_of(result: TuningRecord, config: TrainConfig) -> bool:
    c = config.tuning
    wanted: dict[str, Any] = {
        "keys": config.tune,
        "ranges": ranges_of(config),
        "budget": c.trials,
        "seed": c.seed,
        "max_epochs": c.max_epochs or config.trainer.max_epochs,
        "chosen": tuned_values(config, config.tune or []),
    }
    return result.model_dump(include=set(wanted)) == wanted
