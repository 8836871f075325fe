"""Evaluates a finished run: what is the same whatever the task."""

from __future__ import annotations

import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tlbench.config import TrainConfig
from tlbench.console import banner, shown, warn
from tlbench.embedded.stand_ins import banner_text
from tlbench.errors import OutputError
from tlbench.pictures.files import write_figures
from tlbench.records.corruptions import CorruptionResult
from tlbench.records.evaluation import (
    CalibrationRecord,
    EvaluatedData,
    EvaluatedRun,
    EvaluationRecord,
    EvaluationVolatile,
    compare,
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
    """Where outputs of the network were not finite, once `run` has been called; what it has written says so too."""

    def __init__(self, options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> None:
        self.options, self.of, self.begun = options, run, time.perf_counter()
        self.on_own = config == run.config
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

    @abstractmethod
    def figures(self, record: EvaluationRecord) -> dict[str, Figure]:
        """Name → picture."""

    def run(self) -> tuple[EvaluationRecord, str]:
        """Evaluate; the record, and the name of its file without `.json`."""
        split = self.options.split
        metrics = self.metrics()
        inference = self.on_data.inference
        found = [inference.problem(split)]
        data = self._data()
        stem = _stem(self.options.split, data, self.suffixes())
        recorded = {key: value for key, value in self.of.record.metrics.items() if key.startswith(f"{split}/")}
        seen = self._seen_in_training(data)
        further = self.further(stem, data)
        self.problems = [p for p in (*found, inference.problem("calibration and corruptions")) if p is not None]
        record = EvaluationRecord(
            run=EvaluatedRun(
                study=self.of.record.study,
                arm=self.of.record.arm,
                seed=self.of.record.seed,
                config_hash=self.of.record.config_hash,
                checkpoint_sha256=self.checkpoint_sha256,
                stand_ins=self.of.record.stand_ins,
            ),
            data=data,
            metrics=metrics,
            comparison=compare(recorded, metrics) if recorded and self._is_comparable(data) else None,
            calibration=further.calibration,
            corruptions=further.corruptions,
            warnings=[*seen, *further.warnings, *self.problems],
            versions=versions(self.of.config.model.library),
            volatile=EvaluationVolatile(
                finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
                device=device_name(self.on_data.inference.device),
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
        try:
            path = write_evaluation(self.of.folder, stem, record)
            self.kept_in(stem).unlink(missing_ok=True)
            if not note_evaluation(self.of.folder, path.name, note_of(record)):
                record_file = shown(self.of.folder / FILE_NAME)
                warn(f"{record_file} is not as tlbench wrote it, and does not take the evaluation's numbers")
            self._show(record, path.stem)
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

    def _is_comparable(self, data: EvaluatedData) -> bool:
        """Whether the record's metrics are of these data, or ought to be as none other were asked for."""
        if data.own or not self.on_own:
            return data.own
        warn(
            f"the {data.split} images are not those that the run saw (their fingerprint differs from the record's); "
            "bring back the earlier ones, or name other data by data.root=…"
        )
        return True

    def _seen_in_training(self, data: EvaluatedData) -> list[str]:
        """A warning, said already, where the run may have been trained on some of the images; else none.

        It goes by where they lie: copies of the training images in other places are not found.
        """
        own, parts = self.of.config.data, self.on_data.config.data
        if data.split == "train" or own.name != parts.name or _place(own.root) != _place(parts.root):
            return []
        if data.split == "all":
            warning = "all: the images that the run was trained on are among them"
        elif data.own or self.on_own:
            return []
        else:
            fractions = ("val_fraction", "test_fraction", "fraction", "shots")
            keys = (*fractions, "classes", "split", "pages", "draw", "group", "folds")
            changed = [key for key in keys if getattr(own, key, None) != getattr(parts, key, None)]
            how = f" (not by its {', '.join(f'data.{key}' for key in changed)})" if changed else ""
            warning = (
                f"{data.split}: another split of the run's own data{how}; it may have been trained on some of them"
            )
        warn(warning)
        return [warning]

    def _show(self, record: EvaluationRecord, stem: str) -> None:
        """Pictures beside the evaluation; what a plain evaluation has not goes to TensorBoard as well.

        There are none of what is not finite.
        """
        figures = {} if self.problems else self.figures(record)
        write_figures(self.of.folder, stem, figures)
        further = record.calibration is not None or record.corruptions is not None
        if further and self.of.config.logger.tensorboard:
            show_in_tensorboard(self.of.folder, stem, record, figures)


def _place(root: str | None) -> str | None:
    return None if root is None else os.path.realpath(os.path.expanduser(root))  # noqa: PTH111 (an unknown user)


def _stem(split: str, data: EvaluatedData, suffixes: Sequence[str]) -> str:
    """The file's name: `evaluation`, with what sets it apart from a plain one of the run's own test split."""
    parts = ["evaluation"]
    if not data.own:
        parts += [data.name, *([Path(data.root).stem] if data.root else [])]
    parts += [split] if split != "test" else []
    parts += suffixes
    return "_".join(re.sub(r"[^A-Za-z0-9.+-]+", "-", part) for part in parts)
