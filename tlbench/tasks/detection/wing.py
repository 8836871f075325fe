"""What detection has of its own; each part is imported when it is first needed, as some need ultralytics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from tlbench.config import TrainConfig
from tlbench.data.batches import Batches
from tlbench.networks.network import Network
from tlbench.records.sidecars import write_per_image, write_predictions
from tlbench.system.names import printable
from tlbench.tasks.base import Task
from tlbench.tasks.wing import OnnxContract, OnnxOutput, OwnFormat, Tested

if TYPE_CHECKING:
    from tlbench.tools.complete_run import CompleteRun
    from tlbench.tools.evaluate_options import EvaluateOptions
    from tlbench.tools.evaluator import Evaluator
    from tlbench.tools.file_job import FileJob
    from tlbench.tools.predict_options import PredictOptions
    from tlbench.tools.predictor import Predictor


class DetectionWing:
    """See `Wing`."""

    def batches(self, config: TrainConfig) -> Batches[Any]:
        """See `Wing`."""
        from tlbench.annotations.instances.batches import BoxBatches

        return BoxBatches(config)

    def task(self, network: Network, config: TrainConfig, class_names: Sequence[str]) -> Task:
        """See `Wing`."""
        from tlbench.tasks.detection.task import DetectionTask

        return DetectionTask(network, config, class_names)

    def keep_test(self, tested: Tested) -> dict[str, str]:
        """See `Wing`."""
        from tlbench.tasks.detection.per_image import of_predictions
        from tlbench.tasks.detection.pictures import show_detections

        t, named = tested, tested.module.target.splits["test"].names
        assert named is not None
        names = [printable(named[i]) for i in t.predictions["index"].tolist()]
        columns = {key: column.numpy() for key, column in t.predictions.items()}
        kept = of_predictions(columns, float(t.task.test_metrics.compute()["confidence"]))  # computed before, so cached
        sidecars = {
            "predictions_test": write_predictions(t.folder, t.predictions, names),
            "per_image_test": write_per_image(t.folder, kept),
        }
        return sidecars | show_detections(t)

    def evaluator(self, options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> Evaluator:
        """See `Wing`."""
        from tlbench.tasks.detection.evaluator import DetectionEvaluator

        return DetectionEvaluator(options, run, config)

    def file_job(self, options: PredictOptions, run: CompleteRun, names: Sequence[str]) -> FileJob[Any]:
        """See `Wing`."""
        from tlbench.tasks.detection.files import detect_files

        return detect_files(options, run, names)

    def predictor(self, run: CompleteRun, device: str, calibrated: bool) -> Predictor[Any, Any]:
        """See `Wing`."""
        from tlbench.tasks.detection.predictor import load_box_predictor

        return load_box_predictor(run, device, calibrated)

    @property
    def onnx_output(self) -> OnnxOutput:
        """See `Wing`."""
        from tlbench.tasks.detection.onnx import PREDICTIONS

        return PREDICTIONS

    def onnx(self, run: CompleteRun, module: nn.Module) -> OnnxContract:
        """See `Wing`."""
        from tlbench.tasks.detection.onnx import postprocessing
        from tlbench.tasks.detection.ultralytics_keys import onnx_keys
        from tlbench.tools.letterboxed import preprocessing

        parts = {"preprocessing": preprocessing(run), "postprocessing": postprocessing(run, module)}
        return OnnxContract(parts, onnx_keys(run, module))

    def own_formats(self) -> Mapping[str, OwnFormat]:
        """Ultralytics' `.pt`."""
        from tlbench.tasks.detection.ultralytics_keys import LICENCE
        from tlbench.tasks.detection.ultralytics_pt import export_pt

        return {"pt": lambda run, path, half: f"sha256 {export_pt(run, path, half=half)}; licence: {LICENCE}"}

    def elsewhere(self, run: CompleteRun, path: Path) -> list[str]:
        """In ultralytics."""
        from tlbench.tasks.detection.ultralytics_keys import in_ultralytics

        return in_ultralytics(run, path)
