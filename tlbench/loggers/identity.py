"""How a run is called in W&B and MLflow, and which runs there are its own, so that a resumed run goes on in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.config import TrainConfig
from tlbench.config.arms import arm_name
from tlbench.config.hash import config_hash, flatten
from tlbench.records.folder import LOGGERS_FILE
from tlbench.system.atomic import write_atomic
from tlbench.system.names import json_bytes
from tlbench.system.regular_file import NotRegularError, TooLargeError, read_regular

_LARGEST = 1 << 20


@dataclass(frozen=True)
class Identity:
    """Names and keys of a run.

    Attributes:
        study: The study's name.
        arm: The arm's name.
        seed: The run's seed.
        parameters: The whole configuration as dotted keys.
        config_hash: Over the keys that affect results.
    """

    study: str
    arm: str
    seed: int
    parameters: dict[str, Any]
    config_hash: str

    @classmethod
    def of(cls, config: TrainConfig) -> Identity:
        """That of a configuration's run."""
        values = config.model_dump(mode="json")
        arm = arm_name(values, config.factors)
        return cls(config.study, arm, config.seed, flatten(values), config_hash(values))

    @property
    def name(self) -> str:
        """`study/arm/seed_n`, as its folder's."""
        return f"{self.study}/{self.arm}/seed_{self.seed}"


class KnownRuns:
    """The ids that a run has elsewhere, kept in its folder.

    Args:
        folder: The run's folder.
        config_hash: Ids of another configuration's run count for nothing.
    """

    def __init__(self, folder: Path, config_hash: str) -> None:
        self._path = folder / LOGGERS_FILE
        self._hash = config_hash
        self._ids: dict[str, dict[str, str]] = {}
        try:
            content = json.loads(read_regular(self._path, _LARGEST))
            if content["config_hash"] == config_hash:
                self._ids = {place: dict(content[place]) for place in ("wandb", "mlflow") if place in content}
        except (FileNotFoundError, NotRegularError, ValueError, KeyError, TypeError, RecursionError, TooLargeError):
            pass  # none, or damaged: a run of its own begins there

    def find(self, place: str, **address: str) -> str | None:
        """The id at an address (`project=…`), or None."""
        known = self._ids.get(place, {})
        return known.get("id") if {**address, "id": known.get("id")} == known else None

    def note(self, place: str, run_id: str, **address: str) -> None:
        """Keep an id.

        Raises:
            OutputError: If the disk refuses.
        """
        self._ids[place] = {**address, "id": run_id}
        content = {"config_hash": self._hash, **self._ids}
        write_atomic(self._path, json_bytes(content))
