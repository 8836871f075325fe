"""source=checkpoint: a file of weights, or an earlier run by its folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from tlbench.config import Normalisation, StandIn
from tlbench.errors import WeightsError
from tlbench.records.stored_record import UnreadableRecordError, read_stored
from tlbench.sources.chain import RunLink, earlier_chain
from tlbench.sources.found import FoundWeights
from tlbench.sources.places import expanded, is_file
from tlbench.tasks.registry import specs

CHECKPOINT_FILE = "best.ckpt"
"""What is read from a run's folder."""

RECORD_FILE = "record.json"
"""What says that the run is complete, and where its weights came from."""


class _Data(BaseModel):
    name: str
    class_names: list[str]
    fingerprints: dict[str, str]


class _DataConfig(BaseModel):
    normalisation: Normalisation


class _ModelConfig(BaseModel):
    name: str


class _Config(BaseModel):
    data: _DataConfig
    model: _ModelConfig


class _Record(BaseModel):
    """What of a run's record matters to the runs after it."""

    status: str
    task: str
    study: str
    arm: str
    seed: int
    config: _Config
    config_hash: str
    stand_ins: list[StandIn]
    data: _Data | None
    weights: dict[str, Any] | None
    metrics: dict[str, float | None]
    files: dict[str, str] = {}


def find_checkpoint(given: str, model: str) -> FoundWeights:
    """The file that source.path names: a weights file as it is, or a complete run's best checkpoint.

    The best checkpoint named itself stands for its run as well, where the run is complete.

    Args:
        given: The value of source.path.
        model: The model it is wanted for.

    Raises:
        WeightsError: If nothing is there, or the folder is not that of a complete run.
    """
    path = expanded(given)
    if is_file(path):
        if path.name == CHECKPOINT_FILE and is_file(path.with_name(RECORD_FILE)):
            record = _read(path.with_name(RECORD_FILE), given)
            if _is_complete(record):
                return _of_run(path, record, model)
        return FoundWeights(source="checkpoint", model=model, path=path, found="source.path")
    if os.path.exists(path) and not path.is_dir():  # noqa: PTH110 - Path.exists raises for a name too long
        raise WeightsError(f"source.path={given!r}: not a regular file; give a file of weights or a run's folder")
    if not path.is_dir():
        raise WeightsError(
            f"source.path={given!r}: no such file or folder; give a .safetensors file, a state dict, a checkpoint or a "
            "run's folder"
        )
    for name in (RECORD_FILE, CHECKPOINT_FILE):
        if not is_file(path / name):
            raise WeightsError(
                f"source.path={given!r}: the folder holds no {name}, so it is not that of a complete run; give one "
                "(outputs/<study>/<arm>/seed_<n>), or name a weights file itself"
            )
    record = _read(path / RECORD_FILE, given)
    if not _is_complete(record):
        raise WeightsError(
            f"source.path={given!r}: the run there is not complete (status {record.status}); complete it by its own "
            "command, or name a checkpoint file itself to take it as it is"
        )
    return _of_run(path / CHECKPOINT_FILE, record, model)


def _read(path: Path, given: str) -> _Record:
    try:
        record = _Record.model_validate(read_stored(path))
        earlier_chain(record.weights)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); mend its permissions") from None
    except UnreadableRecordError as error:
        raise _unusable(given, str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise _unusable(given, f"no run record of tlbench: {where}: {first['msg']}") from None
    return record


def _unusable(given: str, reason: str) -> WeightsError:
    return WeightsError(
        f"source.path={given!r}: its {RECORD_FILE}: {reason}; give another run's folder, or copy the weights file out "
        "of it to use it as it is"
    )


def _is_complete(record: _Record) -> bool:
    return record.status == "complete" and record.data is not None


def _of_run(path: Path, record: _Record, model: str) -> FoundWeights:
    assert record.data is not None
    run = RunLink(
        study=record.study,
        arm=record.arm,
        seed=record.seed,
        data=record.data.name,
        classes=len(record.data.class_names),
        fingerprints=record.data.fingerprints,
        model=record.config.model.name,
        config_hash=record.config_hash,
        file=path.name,
        sha256="",
        metrics=_main_metric(record),
        stand_ins=[f"{s.used} for {s.wanted}" for s in record.stand_ins],
    )
    return FoundWeights(
        source="checkpoint",
        model=model,
        path=path,
        found="source.path",
        title=run.short(),
        normalisation=record.config.data.normalisation,
        sha256=record.files.get(path.name),
        earlier=tuple(earlier_chain(record.weights)),
        run=run,
    )


def _main_metric(record: _Record) -> dict[str, float | None]:
    """What studies of the run's task compare."""
    spec = specs().get(record.task)
    return (
        {}
        if spec is None or spec.main_metric not in record.metrics
        else {spec.main_metric: record.metrics[spec.main_metric]}
    )
