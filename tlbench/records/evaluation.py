"""An evaluation of a finished run, kept beside its record, which takes its numbers and changes in nothing else."""

from __future__ import annotations

import contextlib
import json
import math
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from tlbench.config import StandIn
from tlbench.errors import ConfigError
from tlbench.records.corruptions import CorruptionResult
from tlbench.records.record import PlainName, Section
from tlbench.system.atomic import write_atomic
from tlbench.system.names import without_nan
from tlbench.system.regular_file import read_regular

_LARGEST = 1 << 28

TOLERANCE = 1e-6
"""How far a recomputed metric may lie from the recorded one."""


class EvaluatedRun(Section):
    """Which run, and which weights of it."""

    study: str
    arm: str
    seed: int
    config_hash: str
    checkpoint_sha256: str
    stand_ins: list[StandIn]


class EvaluatedData(Section):
    """On what it was evaluated; `own` where it is what the run itself saw, by the fingerprint.

    `fingerprints` holds a SHA-256 for each part of the split (several for `all`).
    """

    name: str
    root: str | None
    split: Literal["train", "val", "test", "all"]
    count: int
    fingerprints: list[str]
    own: bool


class Comparison(Section):
    """Recomputed metrics against those in the record; the difference is null where one of them alone is undefined."""

    recorded: dict[str, float | None]
    largest_difference: float | None
    differing: list[str]


class CalibrationRecord(Section):
    """Temperature scaling, fitted on the run's own validation split; NLL in nats."""

    method: Literal["temperature"] = "temperature"
    temperature: float
    fitted_on: int
    ece_before: float
    ece_after: float
    nll_before: float
    nll_after: float


class EvaluationVolatile(Section):
    """Time and place."""

    finished: str
    device: str
    host: str
    seconds: float


class EvaluationRecord(Section):
    """An evaluation; undefined values are null.

    `basis` is all that it depends on beside the run, the data, the versions and the device: where all of these are the
    same, it is not made again. It is null where that is not known. `pictures` are those beside it, without its stem.
    """

    format: Literal[1] = 1
    run: EvaluatedRun
    data: EvaluatedData
    metrics: dict[str, float | None]
    comparison: Comparison | None = None
    calibration: CalibrationRecord | None = None
    corruptions: CorruptionResult | None = None
    warnings: list[str] = Field(default_factory=list)
    basis: dict[str, Any] | None = None
    pictures: list[PlainName] = Field(default_factory=list)
    versions: dict[str, str]
    volatile: EvaluationVolatile


def compare(recorded: dict[str, float | None], recomputed: dict[str, float | None]) -> Comparison:
    """Each recorded metric against its recomputed value; both undefined are equal, one alone is infinitely far.

    Args:
        recorded: Metrics of a run's record, of one split.
        recomputed: The same, recomputed; None or NaN is undefined.
    """
    differences = {name: _distance(value, recomputed.get(name)) for name, value in recorded.items()}
    return Comparison(
        recorded=recorded,
        largest_difference=max(differences.values(), default=0.0),
        differing=[name for name, difference in differences.items() if not difference <= TOLERANCE],
    )


def write_evaluation(folder: Path, stem: str, record: EvaluationRecord) -> Path:
    """Write `<stem>.json` atomically; an earlier one that says anything else keeps its name.

    The new file then takes the next free number: `<stem>_2.json`, …

    Raises:
        OutputError: The disk refuses.
    """
    content = without_nan(record.model_dump(mode="json"))
    path, number = folder / f"{stem}.json", 1
    while (path.is_symlink() or path.exists()) and not _says(path, content):
        number += 1
        path = folder / f"{stem}_{number}.json"
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    write_atomic(path, text.encode() + b"\n")
    return path


def read_evaluations(folder: Path) -> dict[str, EvaluationRecord]:
    """The evaluations in a run's folder, by the name of their file, in the order of these names."""
    found: dict[str, EvaluationRecord] = {}
    for path in sorted(folder.glob("evaluation*.json")):
        with contextlib.suppress(ValidationError, OSError):  # somebody else's
            found[path.name] = EvaluationRecord.model_validate_json(read_regular(path, _LARGEST))
    return found


def earlier_evaluations(folder: Path, stem: str) -> list[tuple[Path, EvaluationRecord]]:
    """The evaluations of such a name in a run's folder, `<stem>.json`, `<stem>_2.json`, …, the latest first."""
    own = re.compile(rf"{re.escape(stem)}(_\d+)?\.json")
    found = [(folder / name, record) for name, record in read_evaluations(folder).items() if own.fullmatch(name)]
    return sorted(found, key=lambda pair: pair[1].volatile.finished, reverse=True)


def find_calibration(folder: Path, checkpoint_sha256: str) -> CalibrationRecord:
    """The latest temperature that was fitted to these weights.

    Args:
        folder: The run's folder.
        checkpoint_sha256: Of its best checkpoint.

    Raises:
        ConfigError: No evaluation there holds one.
    """
    found = [
        (record.volatile.finished, record.calibration)
        for record in read_evaluations(folder).values()
        if record.calibration is not None and record.run.checkpoint_sha256 == checkpoint_sha256
    ]
    if not found:
        raise ConfigError(
            f"calibrated=true: no temperature was fitted to this run; first: python -m tlbench.evaluate run={folder} "
            "calibrate=temperature"
        )
    return max(found, key=lambda pair: pair[0])[1]


def _distance(a: float | None, b: float | None) -> float:
    undefined = [value is None or math.isnan(value) for value in (a, b)]
    if any(undefined):
        return 0.0 if all(undefined) else math.inf
    assert a is not None
    assert b is not None
    return abs(a - b)


def _says(path: Path, content: dict[str, Any]) -> bool:
    try:
        earlier = json.loads(read_regular(path, _LARGEST))
    except (ValueError, RecursionError, OSError):  # somebody else's
        return False
    return isinstance(earlier, dict) and _said(earlier) == _said(content)


def _said(content: dict[str, Any]) -> dict[str, Any]:
    """Without what does not set an evaluation apart; earlier versions had no basis, and named some arms otherwise."""
    run = content.get("run")
    said = {key: value for key, value in content.items() if key not in ("basis", "pictures", "volatile")}
    return {**said, "run": {**run, "arm": None}} if isinstance(run, dict) else said
