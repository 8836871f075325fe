"""Evaluates a finished run: what is the same whatever the task."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tlbench.config import TrainConfig
from tlbench.config.hash import config_hash
from tlbench.console import banner, shown, warn
from tlbench.embedded.stand_ins import banner_text
from tlbench.errors import OutputError
from tlbench.pictures.files import picture_file, write_figures
from tlbench.records.corruptions import CorruptionResult
from tlbench.records.evaluation import (
    CalibrationRecord,
    Comparison,
    EvaluatedData,
    EvaluatedRun,
    EvaluationRecord,
    EvaluationVolatile,
    compare,
    earlier_evaluations,
    write_evaluation,
)
from tlbench.records.evaluation_note import note_evaluation, note_of
from tlbench.records.record import FILE_NAME
from tlbench.system.atomic import describe_output_error
from tlbench.system.environment import device_name, host, versions
from tlbench.system.hashing import file_sha256
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.evaluate_options import EvaluateOptions
from tlbench.tools.evaluation_pictures import show_in_tensorboard
from tlbench.tools.on_data import OnData
from tlbench.tools.seen_in_training import seen_in_training
from tlbench.trust.names import code_names


@dataclass(frozen=True)
class Further:
    """What an evaluation has beside its metrics."""

    calibration: CalibrationRecord | None = None
    corruptions: CorruptionResult | None = None
    warnings: list[str] = field(default_factory=list)


class Evaluator(ABC):
    """An evaluation in the making.

    Args:
        options: What to evaluate.
        run: The run.
        config: Its configuration, with the data to evaluate on.
    """

    on_data: OnData[Any]

    problems: list[str]
    """Where outputs of the network were not finite; what `run` has written says so too."""

    def __init__(self, options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> None:
        self.options, self.of, self.begun = options, run, time.perf_counter()
        self.on_own = config == run.config
        self.problems = []
        if run.record.stand_ins:
            banner(banner_text(run.record.stand_ins))
        # a run that was tested on the CPU is compared there, however good the GPU
        own_cpu = options.device == "auto" and run.config.trainer.accelerator == "cpu"
        self.device = "cpu" if own_cpu else options.device
        self.checkpoint_sha256 = file_sha256(run.checkpoint)

    @abstractmethod
    def metrics(self) -> dict[str, float | None]:
        """Loss and metrics of the split under their flat names, as a run's record has them."""

    def further(self, stem: str, data: EvaluatedData) -> Further:  # noqa: ARG002
        """What else was asked for; `stem` is the evaluation's file without `.json`. Nothing, by default."""
        return Further()

    def suffixes(self) -> list[str]:
        """What sets the file's name apart from that of a plain evaluation; nothing, by default."""
        return []

    def basis(self) -> dict[str, Any]:
        """What the result depends on beside weights, images, versions and options, in JSON; nothing, by default."""
        return {}

    @abstractmethod
    def figures(self, record: EvaluationRecord) -> dict[str, Figure]:
        """Name → picture."""

    def earlier(self) -> tuple[Path, EvaluationRecord] | None:
        """The file and the record of the same evaluation, where it was made before and all that it wrote is there.

        The images are read for it, as their fingerprint tells whether they are the same. Where code of the user's own
        is named, nothing tells that it does the same, so there is none.
        """
        basis = self._basis
        if basis is None:
            return None
        data = self._data
        asked = (self._evaluated_run(), data, basis, versions(self.of.config.model.library), self._device_name())
        of_before = earlier_evaluations(self.of.folder, _stem(self.options.split, data, self.suffixes()))
        for path, record in of_before:
            of_it = (record.run, record.data, record.basis, record.versions, record.volatile.device)
            if of_it == asked and self._is_whole(path, record) and record.comparison == self._compared(record.metrics):
                for warning in record.warnings:
                    warn(warning)
                return path, record
        return None

    def run(self) -> tuple[EvaluationRecord, str]:
        """Evaluate; the record, and the name of its file without `.json`."""
        split = self.options.split
        metrics = self.metrics()
        inference = self.on_data.inference
        found = [inference.problem(split)]
        data = self._data
        stem = _stem(self.options.split, data, self.suffixes())
        seen = seen_in_training(self.of, self.on_data.config, data)
        further = self.further(stem, data)
        self.problems = [p for p in (*found, inference.problem("calibration and corruptions")) if p is not None]
        record = EvaluationRecord(
            run=self._evaluated_run(),
            data=data,
            metrics=metrics,
            comparison=self._compared(metrics),
            calibration=further.calibration,
            corruptions=further.corruptions,
            warnings=[*seen, *further.warnings, *self.problems],
            basis=None if self.problems else self._basis,
            versions=versions(self.of.config.model.library),
            volatile=EvaluationVolatile(
                finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
                device=self._device_name(),
                host=host(),
                seconds=time.perf_counter() - self.begun,
            ),
        )
        return record, stem

    def keep(self, record: EvaluationRecord, stem: str) -> Path:
        """Write an evaluation beside the run's record, its numbers into it, and its pictures.

        Args:
            record: What `run` gave.
            stem: Likewise: the file's name without `.json`, where no other evaluation has it.

        Returns:
            The file.

        Raises:
            OutputError: The disk refuses.
        """
        self._check_unchanged()
        figures = {} if self.problems else self.figures(record)  # there are none of what is not finite
        record = record.model_copy(update={"pictures": sorted(figures)})
        try:
            path = write_evaluation(self.of.folder, stem, record)
            self.kept_in(stem).unlink(missing_ok=True)
            if not note_evaluation(self.of.folder, path.name, note_of(record)):
                record_file = shown(self.of.folder / FILE_NAME)
                warn(f"{record_file} is not as tlbench wrote it, and does not take the evaluation's numbers")
            self._show(record, path.stem, figures)
        except OutputError as error:
            if not isinstance(error.__cause__, OSError):
                raise
            message = describe_output_error(self.of.folder, error.__cause__, "evaluate a copy of the run's folder")
            raise OutputError(message, unwritable=error.unwritable) from error
        return path

    def _check_unchanged(self) -> None:
        """The folder must still hold the run that was evaluated, before anything is written beside its record."""
        try:
            now = file_sha256(self.of.checkpoint)
        except OSError:
            now = ""
        if now != self.checkpoint_sha256:
            raise OutputError(
                f"{self.of.checkpoint}: not the weights that were evaluated any more, as if the run was repeated "
                "meanwhile; the evaluation is not kept: evaluate it again"
            )

    def kept_in(self, stem: str) -> Path:
        """Where a suite of corruptions that is stopped keeps what it has."""
        return self.of.folder / f".{stem}.partial.json"

    @cached_property
    def _data(self) -> EvaluatedData:
        split = self.options.split
        c, parts = self.on_data.config.data, self.on_data.parts(split)
        fingerprints = [images.fingerprint() for images in parts]
        assert self.of.record.data is not None
        known = self.of.record.data.fingerprints
        return EvaluatedData(
            name=c.name,
            root=c.root,
            split=split,
            count=sum(len(images) for images in parts),
            fingerprints=fingerprints,
            own=fingerprints == [known.get(split)] or (split == "all" and self.on_own),
        )

    def _compared(self, metrics: dict[str, float | None]) -> Comparison | None:
        """With the record's, where these are of the same data, or ought to be as none other were asked for."""
        split = self.options.split
        recorded = {key: value for key, value in self.of.record.metrics.items() if key.startswith(f"{split}/")}
        if not recorded or not (self._data.own or self.on_own):
            return None
        if not self._data.own:
            warn(
                f"the {split} images are not those that the run saw (their fingerprint differs from the record's); "
                "bring back the earlier ones, or name other data by data.root=…"
            )
        return compare(recorded, metrics)

    def _show(self, record: EvaluationRecord, stem: str, figures: Mapping[str, Figure]) -> None:
        """Pictures beside the evaluation; what a plain evaluation has not goes to TensorBoard as well."""
        write_figures(self.of.folder, stem, figures)
        if self._in_tensorboard(record):
            show_in_tensorboard(self.of.folder, stem, record, figures)

    def _in_tensorboard(self, record: EvaluationRecord) -> bool:
        further = record.calibration is not None or record.corruptions is not None
        return further and self.of.config.logger.tensorboard

    def _is_whole(self, path: Path, record: EvaluationRecord) -> bool:
        """Whether the run's record has its numbers, and its pictures are there: a kill may have come between."""
        pictures = [picture_file(path.stem, name) for name in record.pictures]
        events = self.of.folder / path.stem
        return (
            self.of.record.evaluations.get(path.name) == note_of(record)
            and all((self.of.folder / picture).is_file() for picture in pictures)
            and (not self._in_tensorboard(record) or any(events.glob("events.out.tfevents.*")))
        )

    def _evaluated_run(self) -> EvaluatedRun:
        record = self.of.record
        return EvaluatedRun(
            study=record.study,
            arm=record.arm,
            seed=record.seed,
            config_hash=record.config_hash,
            checkpoint_sha256=self.checkpoint_sha256,
            stand_ins=record.stand_ins,
        )

    def _device_name(self) -> str:
        return device_name(self.on_data.inference.device)

    @cached_property
    def _basis(self) -> dict[str, Any] | None:
        """See `EvaluationRecord.basis`."""
        config = self.on_data.config
        if self.of.record.code is not None or code_names(config):
            return None
        asked = self.options.model_dump(mode="json", exclude={"run", "device", "trust", "rerun"})
        return {"config_hash": config_hash(config.model_dump(mode="json")), "options": asked, **self.basis()}


def _stem(split: str, data: EvaluatedData, suffixes: Sequence[str]) -> str:
    """The file's name: `evaluation`, with what sets it apart from a plain one of the run's own test split."""
    parts = ["evaluation"]
    if not data.own:
        parts += [data.name, *([Path(data.root).stem] if data.root else [])]
    parts += [split] if split != "test" else []
    parts += suffixes
    return "_".join(re.sub(r"[^A-Za-z0-9.+-]+", "-", part) for part in parts)
