"""Evaluates a detection run."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tlbench.config import TrainConfig
from tlbench.records.evaluation import EvaluationRecord
from tlbench.tasks.detection.figures import f1_confidence_figure, precision_recall_figure
from tlbench.tasks.detection.loaded import LoadedDetector
from tlbench.tasks.detection.metrics import DetectionMetrics
from tlbench.tasks.detection.on_data import DetectorOnData
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.evaluate_options import EvaluateOptions
from tlbench.tools.evaluator import Evaluator
from tlbench.tools.loaded_run import load_run


class DetectionEvaluator(Evaluator):
    """Of images with boxes, at the confidence that the run's validation chose."""

    on_data: DetectorOnData
    seen: DetectionMetrics
    """What was found in the split, once `metrics` has been called."""

    def __init__(self, options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> None:
        super().__init__(options, run, config)
        self.on_data = DetectorOnData(load_run(LoadedDetector, run, self.device), config)

    def metrics(self) -> dict[str, float | None]:
        """As in `Evaluator`."""
        values, self.seen = self.on_data.metrics(self.options.split)
        return values

    def figures(self, record: EvaluationRecord) -> dict[str, Figure]:
        """As the run's test has them, without its images: precision over recall, and F1 over confidence."""
        curves, values = self.seen.curves(), self.seen.compute()
        title = f"{record.data.name}, {record.data.split}"
        f1 = np.array([float(values[f"f1/{name}"]) for name in self.seen.class_names])
        return {
            "precision_recall": precision_recall_figure(curves, title),
            "f1_confidence": f1_confidence_figure(curves, float(values["confidence"]), f1, title),
        }
