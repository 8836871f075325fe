"""What `python -m tlbench.evaluate` does, once its options are known to be sound."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from torch import Tensor

from tlbench.config import TrainConfig
from tlbench.console import banner, say, shown, warn
from tlbench.errors import Failure
from tlbench.inference.complete_run import CompleteRun
from tlbench.inference.evaluate_options import EvaluateOptions
from tlbench.inference.evaluation import Evaluation, calibrate
from tlbench.inference.inference import load_inference
from tlbench.inference.show import show_evaluation
from tlbench.interrupts import interruptible
from tlbench.metrics.calibration import temperature_warning
from tlbench.results.environment import device_name, host, versions
from tlbench.results.evaluation import (
    TOLERANCE,
    CalibrationRecord,
    Comparison,
    EvaluatedData,
    EvaluatedRun,
    EvaluationRecord,
    EvaluationVolatile,
    compare,
    write_evaluation,
)
from tlbench.results.evaluation_note import note_evaluation, note_of
from tlbench.results.evaluation_pictures import evaluation_figures, show_in_tensorboard, write_figures
from tlbench.results.record import FILE_NAME
from tlbench.robustness.result import CorruptionResult
from tlbench.robustness.suite import run_suite
from tlbench.sources.hashing import file_sha256
from tlbench.stand_ins import banner_text


def evaluate(options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> EvaluationRecord:
    """Evaluate a run, show the result and write it beside the record.

    Args:
        options: What to evaluate.
        run: The run.
        config: Its configuration, with the data to evaluate on.

    Raises:
        UserError: The data, the weights or the folder are at fault.
        Failure: The recomputed metrics are not the recorded ones; the evaluation is written all the same.
        Interrupted: A signal asked to stop.
    """
    with interruptible():
        record, path = _Evaluate(options, run, config).run()
    show_evaluation(record, path)
    if record.comparison is not None and record.comparison.differing:
        raise Failure(_disagreement(record, record.comparison, run))
    return record


class _Evaluate:
    def __init__(self, options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> None:
        self.options, self.of, self.begun = options, run, time.perf_counter()
        if run.record.stand_ins:
            banner(banner_text(run.record.stand_ins))
        # a run that was tested on the CPU is compared there, however good the GPU
        own_cpu = options.device == "auto" and run.config.trainer.accelerator == "cpu"
        self.inference = load_inference(run, "cpu" if own_cpu else options.device)
        self.evaluation = Evaluation(self.inference, config)
        self.own = self.evaluation if config == run.config else Evaluation(self.inference, run.config)
        self.checkpoint_sha256 = file_sha256(run.checkpoint)

    def run(self) -> tuple[EvaluationRecord, Path]:
        """Evaluate and write; the record and its file."""
        split = self.options.split
        logits, targets = self.evaluation.logits_of(split)
        metrics = self.evaluation.metrics(split, logits, targets)
        data = self._data()
        stem = _stem(self.options, data)
        recorded = {key: value for key, value in self.of.record.metrics.items() if key.startswith(f"{split}/")}
        calibration, warnings = self._calibration(logits, targets)
        corruptions = self._corruptions(stem, data, calibration.temperature if calibration else 1.0)
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
            calibration=calibration,
            corruptions=corruptions,
            warnings=warnings,
            versions=versions(),
            volatile=EvaluationVolatile(
                finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
                device=device_name(self.inference.device),
                host=host(),
                seconds=time.perf_counter() - self.begun,
            ),
        )
        path = write_evaluation(self.of.folder, stem, record)
        self._kept_in(stem).unlink(missing_ok=True)
        if not note_evaluation(self.of.folder, path.name, note_of(record)):
            record_file = shown(self.of.folder / FILE_NAME)
            warn(f"{record_file} is not as tlbench wrote it, and does not take the evaluation's numbers")
        self._show(record, path.stem, logits, targets)
        return record, path

    def _data(self) -> EvaluatedData:
        split = self.options.split
        c, parts = self.evaluation.config.data, self.evaluation.parts(split)
        fingerprints = [images.fingerprint() for images in parts]
        assert self.of.record.data is not None
        known = self.of.record.data.fingerprints
        return EvaluatedData(
            name=c.name,
            root=c.root,
            split=split,
            count=sum(len(images) for images in parts),
            fingerprints=fingerprints,
            own=fingerprints == [known.get(split)] or (split == "all" and self.evaluation is self.own),
        )

    def _is_comparable(self, data: EvaluatedData) -> bool:
        """Whether the record's metrics are of these data, or ought to be as none other were asked for."""
        if data.own or self.evaluation is not self.own:
            return data.own
        warn(
            f"the {data.split} images are not those that the run saw (their fingerprint differs from the record's); "
            "bring back the earlier ones, or name other data by data.root=…"
        )
        return True

    def _calibration(self, logits: Tensor, targets: Tensor) -> tuple[CalibrationRecord | None, list[str]]:
        """The calibration that was asked for, and what there is to warn of."""
        if self.options.calibrate is None:
            return None, []
        calibration = calibrate(self.own, logits, targets)
        warning = temperature_warning(calibration.temperature)
        if warning is None:
            return calibration, []
        warn(warning)
        return calibration, [warning]

    def _show(self, record: EvaluationRecord, stem: str, logits: Tensor, targets: Tensor) -> None:
        """Pictures beside the evaluation; what a plain evaluation has not goes to TensorBoard as well."""
        figures = evaluation_figures(record, logits, targets)
        write_figures(self.of.folder, stem, figures)
        further = record.calibration is not None or record.corruptions is not None
        if further and self.of.config.logger.tensorboard:
            show_in_tensorboard(self.of.folder, stem, record, figures)

    def _corruptions(self, stem: str, data: EvaluatedData, temperature: float) -> CorruptionResult | None:
        if self.options.corruptions is None:
            return None
        return run_suite(
            partial(self.evaluation.logits_of, self.options.split),
            seed=self.options.corruption_seed,
            progress=say,
            temperature=temperature,
            kept_in=self._kept_in(stem),
            identity={"checkpoint": self.checkpoint_sha256, "data": data.fingerprints},
        )

    def _kept_in(self, stem: str) -> Path:
        """Where a suite of corruptions that is stopped keeps what it has."""
        return self.of.folder / f".{stem}.partial.json"


def _stem(options: EvaluateOptions, data: EvaluatedData) -> str:
    """The file's name: `evaluation`, with what sets it apart from a plain one of the run's own test split."""
    parts = ["evaluation"]
    if not data.own:
        parts += [data.name, *([Path(data.root).stem] if data.root else [])]
    parts += [options.split] if options.split != "test" else []
    parts += [option for option in (options.calibrate, options.corruptions) if option is not None]
    return "_".join(re.sub(r"[^A-Za-z0-9.+-]+", "-", part) for part in parts)


def _disagreement(record: EvaluationRecord, comparison: Comparison, run: CompleteRun) -> str:
    names: Sequence[str] = comparison.differing
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    here, there = record.volatile.device, run.record.volatile.device
    where = f"; the run was tested on {there}, this is {here}, which may round differently" if here != there else ""
    size = comparison.largest_difference
    return (
        f"{shown(run.folder)}: recomputed metrics differ from the recorded ones by "
        f"{'a value that is undefined' if size is None else f'up to {size:.2g}'}, more than {TOLERANCE:g}: "
        f"{', '.join(names[:3])}{rest}{where}"
    )
