"""What key points have of their own; each part is imported when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from tlbench.config import TrainConfig
from tlbench.data.batches import Batches
from tlbench.networks.network import Network
from tlbench.records.sidecars import write_predictions
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


class KeyPointsWing:
    """See `tlbench.tasks.wing.Wing`."""

    def batches(self, config: TrainConfig) -> Batches[Any]:
        """See `Wing`."""
        from tlbench_keypoints.batches import PointBatches

        return PointBatches(config)

    def task(self, network: Network, config: TrainConfig, class_names: Sequence[str]) -> Task:
        """See `Wing`."""
        from tlbench_keypoints.task import KeyPointsTask

        return KeyPointsTask(network, config, class_names)

    def keep_test(self, tested: Tested) -> dict[str, str]:
        """See `Wing`."""
        from tlbench_keypoints.pictures import show_points
        from tlbench_keypoints.task import KeyPointsTask

        t, named = tested, tested.module.target.splits["test"].names
        assert named is not None
        assert isinstance(t.task, KeyPointsTask)
        names = [printable(named[i]) for i in t.predictions["index"].tolist()]
        sidecars = {"predictions_test": write_predictions(t.folder, t.predictions, names)}
        return sidecars | show_points(t, t.task.points)

    def evaluator(self, options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> Evaluator:
        """See `Wing`."""
        from tlbench_keypoints.evaluator import KeyPointsEvaluator

        return KeyPointsEvaluator(options, run, config)

    def file_job(self, options: PredictOptions, run: CompleteRun, names: Sequence[str]) -> FileJob[Any]:
        """See `Wing`."""
        from tlbench_keypoints.files import find_in_files

        return find_in_files(options, run, names)

    def predictor(self, run: CompleteRun, device: str, calibrated: bool) -> Predictor[Any, Any]:
        """See `Wing`."""
        from tlbench_keypoints.predictor import load_predictor

        return load_predictor(run, device, calibrated)

    @property
    def onnx_output(self) -> OnnxOutput:
        """See `Wing`."""
        from tlbench_keypoints.onnx import COORDINATES

        return COORDINATES

    def onnx(self, run: CompleteRun, module: nn.Module) -> OnnxContract:
        """See `Wing`."""
        from tlbench_keypoints.onnx import postprocessing, preprocessing

        return OnnxContract({"preprocessing": preprocessing(run), "postprocessing": postprocessing(run)})

    def own_formats(self) -> Mapping[str, OwnFormat]:
        """None."""
        return {}

    def elsewhere(self, run: CompleteRun, path: Path) -> list[str]:
        """Nothing."""
        return []
