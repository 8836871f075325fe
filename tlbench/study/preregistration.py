"""What was settled before the first run of a study began: `preregistration.json` in its folder.

It is written once and never again, by the first command of the study, before any of its runs or trials begins; a later
command adds nothing to it. What came later is found by comparing the study with it. So two commands that begin at the
same time leave the one or the other, whole, and what only the other wanted counts as added.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tlbench.config.hash import config_hash
from tlbench.study.collect import Configured
from tlbench.system.atomic import atomic_file, output_errors
from tlbench.system.names import json_bytes
from tlbench.system.regular_file import read_regular

REGISTRATION_FILE = "preregistration.json"


class RegisteredArm(BaseModel):
    """An arm's seeds, and the hash of its configuration without seeds and tuned values."""

    model_config = ConfigDict(extra="forbid")

    seeds: list[int]
    config_hash: str


class Registered(BaseModel):
    """What was settled: `registered` is when (UTC), `margin` in the unit of the primary metric."""

    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    registered: str
    study: str
    factors: list[str]
    primary: str
    margin: float | None
    confidence: float
    arms: dict[str, RegisteredArm]


def registered_now(
    runs: Sequence[Configured],
    *,
    study: str,
    factors: Sequence[str],
    primary: str,
    margin: float | None,
    confidence: float,
) -> Registered:
    """What a command is about to begin.

    Args:
        runs: All that it asks for, complete ones included.
        study: Its name.
        factors: The declared factors.
        primary: The metric that arms are compared by.
        margin: Differences of it up to that do not matter; None: equivalence is not asked for.
        confidence: Of the intervals, in (0, 1).
    """
    arms = {run.arm: RegisteredArm(seeds=[], config_hash=arm_hash(run.config)) for run in reversed(runs)}
    for run in runs:
        arms[run.arm].seeds.append(run.seed)
    return Registered(
        registered=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        study=study,
        factors=list(factors),
        primary=primary,
        margin=margin,
        confidence=confidence,
        arms={arm: arms[arm] for arm in dict.fromkeys(run.arm for run in runs)},
    )


def register(study: Path, plan: Registered, folders: Iterable[Path]) -> None:
    """Write what was settled, unless that was done before, or runs have begun without.

    Args:
        study: The study's folder.
        plan: To be written.
        folders: Of the command's runs, none of which it may have begun.

    Raises:
        OutputError: The disk refuses.
    """
    path = study / REGISTRATION_FILE
    if path.exists() or _has_begun(study, folders):
        return
    with output_errors(study), atomic_file(path, unless_there=True) as file:
        file.write(json_bytes(plan.model_dump(mode="json")))


def read_registration(study: Path) -> tuple[Registered, str] | str:
    """What was settled and the file's SHA-256 (hex); or why that is not known."""
    try:
        content = read_regular(study / REGISTRATION_FILE)
        return Registered.model_validate_json(content), hashlib.sha256(content).hexdigest()
    except FileNotFoundError:
        return f"its first runs began before there was a {REGISTRATION_FILE}"
    except (OSError, ValidationError):
        return f"its {REGISTRATION_FILE} cannot be read; bring back the file as tlbench wrote it"


def arm_hash(config: Mapping[str, Any]) -> str:
    """The hash of a configuration without seeds and tuned values: the same for all runs of an arm."""
    arm = copy.deepcopy(dict(config))
    for key in ("seed", "seeds"):
        arm.pop(key, None)
    for key in config.get("tune") or []:
        group, _, name = key.partition(".")
        arm[group].pop(name)
    return config_hash(arm)


def _has_begun(study: Path, folders: Iterable[Path]) -> bool:
    """Whether there is a run's folder, or its trials', with something in it; whatever became of the run."""
    depths = {len(folder.relative_to(study).parts) for folder in folders if folder.is_relative_to(study)}
    found = (place for depth in depths for place in study.glob("/".join(["*"] * depth)))
    return any(place.is_dir() and any(place.iterdir()) for place in found if not place.name.startswith("."))
