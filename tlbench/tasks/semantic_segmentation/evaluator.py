"""Evaluates a semantic segmentation run."""

from __future__ import annotations

from matplotlib.figure import Figure

from tlbench.config import TrainConfig
from tlbench.pictures.figures import confusion_figure
from tlbench.records.evaluation import EvaluationRecord
from tlbench.tasks.semantic_segmentation.figures import class_iou_figure
from tlbench.tasks.semantic_segmentation.loaded import LoadedSegmenter
from tlbench.tasks.semantic_segmentation.metrics import MapMetrics
from tlbench.tasks.semantic_segmentation.on_data import SegmenterOnData
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.evaluate_options import EvaluateOptions
from tlbench.tools.evaluator import Evaluator
from tlbench.tools.loaded_run import load_run


class MapEvaluator(Evaluator):
    """Of images with class maps."""

    on_data: SegmenterOnData
    seen: MapMetrics
    """What was found in the split, once `metrics` has been called."""

    def __init__(self, options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> None:
        super().__init__(options, run, config)
        self.on_data = SegmenterOnData(load_run(LoadedSegmenter, run, self.device), config)

    def metrics(self) -> dict[str, float | None]:
        """As in `Evaluator`."""
        values, self.seen = self.on_data.metrics(self.options.split)
        return values

    def figures(self, record: EvaluationRecord) -> dict[str, Figure]:
        """The confusion matrix and each class's IoU."""
        names, title = self.of.class_names, f"{record.data.name}, {record.data.split}"
        confusion = self.seen.confusion.cpu().numpy()
        return {
            "confusion": confusion_figure(confusion, names),
            "iou": class_iou_figure(confusion, names, title),
        }
