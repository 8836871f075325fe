"""Evaluates a run of key points."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from tlbench.config import TrainConfig
from tlbench.records.evaluation import EvaluationRecord
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.evaluate_options import EvaluateOptions
from tlbench.tools.evaluator import Evaluator
from tlbench.tools.loaded_run import load_run
from tlbench_keypoints.loaded import LoadedKeyPoints
from tlbench_keypoints.on_data import KeyPointsOnData
from tlbench_keypoints.pictures import error_figure


class KeyPointsEvaluator(Evaluator):
    """Of images with key points."""

    on_data: KeyPointsOnData
    distances: torch.Tensor
    """(M,) of all seen points, once `metrics` has been called."""

    def __init__(self, options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> None:
        super().__init__(options, run, config)
        self.on_data = KeyPointsOnData(load_run(LoadedKeyPoints, run, self.device), config)

    def metrics(self) -> dict[str, float | None]:
        """As in `Evaluator`."""
        values, self.distances = self.on_data.metrics(self.options.split)
        return values

    def figures(self, record: EvaluationRecord) -> dict[str, Figure]:
        """The share of points within a distance, over that."""
        return {"pck": error_figure(self.distances, f"{record.data.name}, {record.data.split}")}
