"""Where an arm's runs lie that an earlier version began under another name; their folders stay where they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tlbench.config.arms import arm_name, earlier_arm_name
from tlbench.errors import ConfigError
from tlbench.records.folder import CONFIG_FILE, config_of_folder
from tlbench.records.record import FILE_NAME, read_record


class ArmNames(NamedTuple):
    """An arm's factors and its name, now and as earlier versions had it."""

    factors: list[str]
    now: str
    earlier: str


class ArmFolders:
    """Finds the folders of runs, those under an earlier name of their arm too.

    Attributes:
        found: The arm's name now → its folder under the earlier name, of all that were asked for.
    """

    def __init__(self) -> None:
        self.found: dict[str, Path] = {}

    def of_run(self, folder: Path, above: Path, config: dict[str, Any], factors: list[str]) -> Path:
        """A run's folder, or the one under its arm's earlier name.

        That counts where it holds runs of this very arm, and there is no folder under the name of now; where there
        are both, each run is in the one that holds it.

        Args:
            folder: As the arm is named now.
            above: The folder above it that no arm names, such as the study's.
            config: The run's configuration.
            factors: The declared factors.
        """
        now, earlier = arm_name(config, factors), earlier_arm_name(config, factors)
        parts = folder.relative_to(above).parts if folder.is_relative_to(above) else ()
        if now == earlier or now not in parts:
            return folder
        at = parts.index(now)
        arm, former = above.joinpath(*parts[: at + 1]), above.joinpath(*parts[:at], earlier)
        there = former.joinpath(*parts[at + 1 :])
        if names_in(former) != (factors, now, earlier):
            return folder
        if arm.exists() and (_begun(folder) or not _begun(there)):
            return folder
        self.found[now] = former
        return there


def names_in(arm: Path) -> ArmNames | None:
    """The names of the arm whose runs lie in a folder; None where none can be read."""
    for run in _runs_in(arm):
        with contextlib.suppress(ConfigError, KeyError, TypeError):
            record = read_record(run)
            config = record.config if record is not None else config_of_folder(run)
            if config is not None:
                factors = [str(factor) for factor in config["factors"]]
                return ArmNames(factors, arm_name(config, factors), earlier_arm_name(config, factors))
    return None


def _runs_in(arm: Path) -> Iterable[Path]:
    return sorted({file.parent for name in (FILE_NAME, CONFIG_FILE) for file in arm.glob(f"*/{name}")})


def _begun(run: Path) -> bool:
    return any((run / name).exists() for name in (FILE_NAME, CONFIG_FILE))
