"""What classification has of its own; each part is imported when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from tlbench.config import TrainConfig
from tlbench.data.batches import Batches
from tlbench.networks.network import Network
from tlbench.records.sidecars import write_per_image, write_predictions
from tlbench.tasks.base import Task
from tlbench.tasks.classification.per_image import of_predictions
from tlbench.tasks.wing import OnnxContract, OnnxOutput, OwnFormat, Tested

if TYPE_CHECKING:
    from tlbench.tools.complete_run import CompleteRun
    from tlbench.tools.evaluate_options import EvaluateOptions
    from tlbench.tools.evaluator import Evaluator
    from tlbench.tools.file_job import FileJob
    from tlbench.tools.predict_options import PredictOptions
    from tlbench.tools.predictor import Predictor


class ClassificationWing:
    """See `Wing`."""

    def batches(self, config: TrainConfig) -> Batches[Any]:
        """See `Wing`."""
        from tlbench.annotations.labels.batches import LabelBatches

        return LabelBatches(config)

    def task(self, network: Network, config: TrainConfig, class_names: Sequence[str]) -> Task:
        """See `Wing`."""
        from tlbench.tasks.classification.task import ClassificationTask

        return ClassificationTask(network, config, class_names)

    def keep_test(self, tested: Tested) -> dict[str, str]:
        """See `Wing`."""
        from tlbench.tasks.classification.pictures import show_pictures

        predictions = tested.predictions
        kept = of_predictions(predictions["target"].numpy(), predictions["probabilities"].numpy())
        sidecars = {
            "predictions_test": write_predictions(tested.folder, predictions),
            "per_image_test": write_per_image(tested.folder, kept),
        }
        return sidecars | show_pictures(tested)

    def evaluator(self, options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> Evaluator:
        """See `Wing`."""
        from tlbench.tasks.classification.evaluator import ClassificationEvaluator

        return ClassificationEvaluator(options, run, config)

    def file_job(self, options: PredictOptions, run: CompleteRun, names: Sequence[str]) -> FileJob[Any]:  # noqa: ARG002
        """See `Wing`."""
        from tlbench.tasks.classification.files import classify_files

        return classify_files(options, run)

    def predictor(self, run: CompleteRun, device: str, calibrated: bool) -> Predictor[Any, Any]:
        """See `Wing`."""
        from tlbench.tasks.classification.predictor import load_predictor

        return load_predictor(run, device, calibrated)

    @property
    def onnx_output(self) -> OnnxOutput:
        """See `Wing`."""
        from tlbench.tasks.classification.onnx import LOGITS

        return LOGITS

    def onnx(self, run: CompleteRun, module: nn.Module) -> OnnxContract:  # noqa: ARG002
        """See `Wing`."""
        from tlbench.tasks.classification.onnx import preprocessing

        return OnnxContract({"preprocessing": preprocessing(run)})

    def own_formats(self) -> Mapping[str, OwnFormat]:
        """None."""
        return {}

    def elsewhere(self, run: CompleteRun, path: Path) -> list[str]:  # noqa: ARG002
        """Nothing."""
        return []
