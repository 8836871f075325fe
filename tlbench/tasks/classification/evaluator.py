"""Evaluates a classification run: metrics, a temperature, corruptions."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from tlbench.config import TrainConfig
from tlbench.console import say, shown, warn
from tlbench.records.corruptions import CorruptionResult
from tlbench.records.evaluation import CalibrationRecord, EvaluatedData, EvaluationRecord, read_evaluations
from tlbench.robustness.corruptions import VERSION
from tlbench.robustness.suite import run_suite
from tlbench.tasks.classification.calibration import temperature_warning
from tlbench.tasks.classification.figures import evaluation_figures
from tlbench.tasks.classification.loaded import LoadedClassifier
from tlbench.tasks.classification.on_data import ClassifierOnData, calibrate, scores
from tlbench.tasks.classification.options import EvaluateLabels
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.evaluate_options import EvaluateOptions
from tlbench.tools.evaluator import Evaluator, Further
from tlbench.tools.loaded_run import load_run


class ClassificationEvaluator(Evaluator):
    """Of images with one label each."""

    on_data: ClassifierOnData
    outputs: tuple[Tensor, Tensor]
    """Logits (N, C) and targets (N,) of the split, once `metrics` has been called."""

    def __init__(self, options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> None:
        super().__init__(options, run, config)
        self.asked = options.of(EvaluateLabels)
        inference = load_run(LoadedClassifier, run, self.device)
        self.on_data = ClassifierOnData(inference, config)
        self.own = self.on_data if self.on_own else ClassifierOnData(inference, run.config)

    def metrics(self) -> dict[str, float | None]:
        """As in `Evaluator`."""
        split = self.options.split
        self.outputs = self.on_data.logits_of(split)
        return self.on_data.metrics(split, *self.outputs)

    def further(self, stem: str, data: EvaluatedData) -> Further:
        """A calibration and corruptions, where they were asked for."""
        self._tell_older_corruptions()
        calibration, warnings = self._calibration()
        corruptions = self._corruptions(stem, data, calibration.temperature if calibration else 1.0)
        return Further(calibration, corruptions, warnings)

    def suffixes(self) -> list[str]:
        """As in `Evaluator`."""
        return [option for option in (self.asked.calibrate, self.asked.corruptions) if option is not None]

    def basis(self) -> dict[str, Any]:
        """The validation images that a temperature is fitted on, and the version of the corruptions."""
        fitted = self.own.parts("val") if self.asked.calibrate is not None else ()
        version = VERSION if self.asked.corruptions is not None else None
        return {"fitted_on": [images.fingerprint() for images in fitted], "corruptions": version}

    def figures(self, record: EvaluationRecord) -> dict[str, Figure]:
        """As in `Evaluator`."""
        return evaluation_figures(record, *self.outputs)

    def _calibration(self) -> tuple[CalibrationRecord | None, list[str]]:
        """The calibration that was asked for, and what there is to warn of."""
        if self.asked.calibrate is None:
            return None, []
        calibration = calibrate(self.own, *self.outputs)
        warning = None if calibration is None else temperature_warning(calibration.temperature)
        if warning is None:
            return calibration, []
        warn(warning)
        return calibration, [warning]

    def _tell_older_corruptions(self) -> None:
        """Say which results beside the record are of another version of the corruptions than this one's."""
        for name, evaluation in read_evaluations(self.of.folder).items():
            result = evaluation.corruptions
            if result is not None and result.version != VERSION:
                label = f"{shown(self.of.folder / name)}: {result.label()}"
                warn(f"{label}; not comparable with those of version {VERSION}")

    def _corruptions(self, stem: str, data: EvaluatedData, temperature: float) -> CorruptionResult | None:
        if self.asked.corruptions is None:
            return None
        return run_suite(
            lambda transform: scores(*self.on_data.logits_of(self.options.split, transform), temperature),
            seed=self.asked.corruption_seed,
            progress=say,
            image_size=self.on_data.data.image_size,
            temperature=temperature,
            kept_in=self.kept_in(stem),
            identity={"checkpoint": self.checkpoint_sha256, "data": data.fingerprints},
        )
