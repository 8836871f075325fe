"""The run record: the one file that says all about a finished run. Statistics and reports read nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from tlbench.config import StandIn
from tlbench.config.arms import arm_name, earlier_arm_name
from tlbench.config.hash import FORMAT, code_hash
from tlbench.data.was_read import WasRead
from tlbench.errors import ConfigError
from tlbench.records.stored_record import AbsentTaskError, UnreadableRecordError, read_stored
from tlbench.records.tuning import TuningRecord
from tlbench.system.atomic import write_atomic
from tlbench.system.names import as_text, without_nan

FILE_NAME = "record.json"
_IS_TEXT = object()
"""What is validated has been through `as_text` as a whole: its parts need not, again and again at every depth."""


class Section(BaseModel):
    """A part of the record; unknown keys are refused, so that a reader sees a format change at once."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _as_text(cls, values: Any, info: ValidationInfo) -> Any:
        return values if info.context is _IS_TEXT else as_text(values)


def _plain(name: str) -> str:
    if not name or name in (".", "..") or any(c in name for c in "/\\\0") or Path(name).drive:
        raise ValueError("not the plain name of a file in the run's folder")
    return name


PlainName = Annotated[str, AfterValidator(_plain)]
"""Of a file in the run's folder: it leads nowhere else."""


class DataRecord(Section):
    """What the run saw: class names, how the splits came about, a SHA-256 of each split it read, and the audit.

    `storage` is `memory` (decoded once, kept on the device) or `workers` (decoded in each epoch). `pixel_ranges` says
    which values of images of more than 8 bits are black and white, by container (`uint16`, `int32`, `float32`); None in
    records from before ranges were found, when 16 bits had all of 0 … 65535. `own_values`: PGM and PPM of 9 to 15
    bits counted as their files have them; older records do not say so, and may be of values that were stretched to
    65535. `read` is what was said of it before training; older records have none.
    """

    name: str
    class_names: list[str]
    split_rule: dict[str, Any]
    fingerprints: dict[str, str]
    storage: Literal["memory", "workers"] = "memory"
    pixel_ranges: dict[Literal["uint16", "int32", "float32"], tuple[float, float]] | None = None
    own_values: bool = False
    audit: dict[str, Any] | None = None
    read: WasRead | None = None


class ModelRecord(Section):
    """The network and the number of parameters in each of its layer groups."""

    name: str
    parameters: int
    group_parameters: dict[str, int]


class StageRecord(Section):
    """A stage that began: which layer groups trained in it, how many parameters, from which epoch (from 1) on."""

    name: str
    trainable: list[str]
    first_epoch: int
    parameters: int


class BestRecord(Section):
    """Which checkpoint was chosen: the best on validation over all stages; epochs count from 1.

    `chosen` is what validation chose beside it, as the confidence from which detections count.
    """

    monitor: str
    value: float | None
    epoch: int
    stage: str
    chosen: dict[str, float | None] = {}


class ErrorRecord(Section):
    """Why a run failed."""

    type: str
    message: str
    traceback: str | None


class CodeRecord(Section):
    """What ran beside tlbench, where the configuration names code by import path or its task comes from outside.

    `files` holds, for each module outside of the installed packages that was loaded while data, network and task were
    built, the SHA-256 of its file; of a task from outside that is not installed, all of its package. `distributions`
    holds the versions of those that named code was installed with. It says what was computed, so it is the same
    whoever runs it; who vouches for it is among the `volatile`.
    """

    files: dict[str, str]
    distributions: dict[str, str] = Field(default_factory=dict)

    def sha256(self) -> str:
        """The hash (hex) over all of them."""
        return code_hash(self.files, self.distributions)


class StoppedByTime(Section):
    """That `trainer.max_time_s` ended training before `trainer.max_epochs`, and after how much of it."""

    epochs: int
    steps: int
    seconds: float

    def text(self, max_epochs: int) -> str:
        """For example `after 7 of 10 epochs, 63 steps and 60.4 s`."""
        return f"after {self.epochs} of {max_epochs} epochs, {self.steps} steps and {self.seconds:.1f} s"


class Volatile(Section):
    """Times, memory, host, user: the only part in which two runs of one config may differ, unless time ended them.

    `resumes` counts on from the last record; a killed process writes none, so its own resumption is not counted.
    `epoch_ends_s` has the seconds of training at the end of each epoch, counted over resumptions, but for what was lost
    with a killed process and done again; `fit_s` is of the last resumption alone. Older records have neither it nor
    `stopped_by_time`.
    `vouchers` holds, by the name of a user's key, that user's HMAC over the code and places that the record names
    (`tlbench.trust`): equal for equal runs of one user, another one for every other user.
    """

    started: str
    finished: str
    cache_s: float | None = None
    fit_s: float | None = None
    test_s: float | None = None
    total_s: float
    train_images_per_s: float | None = None
    peak_memory_mb: float
    device: str | None = None
    visible_gpus: str | None = None
    threads: int | None = None
    host: str
    resumes: int = 0
    epoch_ends_s: list[float] = []
    stopped_by_time: StoppedByTime | None = None
    vouchers: dict[str, str] = {}


class EvaluationNote(Section):
    """The numbers of an evaluation that was made of the finished run; its file, beside the record, says all else.

    `corruptions` is the version of the suite of corruptions that the metrics on corrupted images are of, null without
    such: metrics of two versions are not comparable. Notes that do not say it are of version 1.
    """

    data: str
    split: str
    checkpoint_sha256: str
    metrics: dict[str, float | None]
    corruptions: int | None = None

    @model_validator(mode="after")
    def _first_version(self) -> EvaluationNote:
        if self.corruptions is None and f"{self.split}/mean_corrupted_oa" in self.metrics:
            self.corruptions = 1
        return self


class Record(Section):
    """A run record; curves hold a row an epoch, metrics are flat (`test/oa`), undefined values are null.

    `sidecars` says what each file beside the record is called; `files` has the SHA-256 of those that others read, the
    best checkpoint and the predictions, by the file's name. Formats: 1 had no `files`. What an older record says is
    upgraded when it is read (see `tlbench.config.upgrade`), the arm's name too, but for `config_hash`, which stays what
    it was.
    """

    format: Literal[2] = FORMAT
    status: Literal["complete", "failed", "interrupted"]
    task: str
    study: str
    arm: str
    factors: list[str]
    seed: int
    config: dict[str, Any]
    config_hash: str
    versions: dict[str, str]
    stand_ins: list[StandIn]
    data: DataRecord | None = None
    model: ModelRecord | None = None
    code: CodeRecord | None = None
    weights: dict[str, Any] | None = None
    tuning: TuningRecord | None = None
    stages: list[StageRecord] = []
    best: BestRecord | None = None
    metrics: dict[str, float | None] = {}
    curves: list[dict[str, float | None]] = []
    warnings: list[str] = []
    sidecars: dict[str, PlainName] = {}
    files: dict[PlainName, str] = {}
    evaluations: dict[PlainName, EvaluationNote] = {}
    error: ErrorRecord | None = None
    volatile: Volatile

    _folder: Path | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        """By what they say, wherever they were read from."""
        return isinstance(other, Record) and self.__dict__ == other.__dict__

    @property
    def folder(self) -> Path | None:
        """Where it was read from, with the files that it names; None of one that was made."""
        return self._folder


def write_record(folder: Path, record: Record) -> Path:
    """Write `record.json` atomically.

    Raises:
        OutputError: If the disk refuses; an earlier record is then still whole.
    """
    path = folder / FILE_NAME
    text = json.dumps(without_nan(record.model_dump(mode="json")), indent=1, allow_nan=False, ensure_ascii=False)
    write_atomic(path, text.encode() + b"\n")
    return path


def read_record(folder: Path) -> Record | None:
    """The record in a run's folder, or None.

    Raises:
        ConfigError: If the file there is not a record that this version can read, or is not as the run wrote it.
    """
    path = folder / FILE_NAME
    try:
        stored = read_stored(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except AbsentTaskError as error:
        raise ConfigError(f"{path}: {error}") from None
    except (UnreadableRecordError, OSError) as error:
        raise _unusable(path, getattr(error, "strerror", None) or str(error)) from None
    try:
        record = Record.model_validate(as_text({**stored, "format": FORMAT}), context=_IS_TEXT)
    except RecursionError:
        raise _unusable(path, "nested too deeply for a run record of tlbench") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise _unusable(path, f"no run record of format {stored['format']}: {where}: {first['msg']}") from None
    record = _with_arm_of_now(record)
    record._folder = folder
    return record


def _with_arm_of_now(record: Record) -> Record:
    """An arm that an earlier version named, as it is named now."""
    if record.arm != earlier_arm_name(record.config, record.factors):
        return record
    return record.model_copy(update={"arm": arm_name(record.config, record.factors)})


def _unusable(path: Path, reason: str) -> ConfigError:
    return ConfigError(f"{path}: {reason}; bring back the file as tlbench wrote it, or move it away and run again")
