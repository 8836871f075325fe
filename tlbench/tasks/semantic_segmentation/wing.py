"""What semantic segmentation has of its own; each part is imported when it is first needed."""

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


class SemanticSegmentationWing:
    """See `Wing`."""

    def batches(self, config: TrainConfig) -> Batches[Any]:
        """See `Wing`."""
        from tlbench.annotations.maps.batches import MapBatches

        return MapBatches(config)

    def task(self, network: Network, config: TrainConfig, class_names: Sequence[str]) -> Task:
        """See `Wing`."""
        from tlbench.tasks.semantic_segmentation.task import SemanticSegmentationTask

        return SemanticSegmentationTask(network, config, class_names)

    def keep_test(self, tested: Tested) -> dict[str, str]:
        """See `Wing`."""
        from tlbench.tasks.semantic_segmentation.pictures import show_maps

        named = tested.module.target.splits["test"].names
        assert named is not None
        names = [printable(named[i]) for i in tested.predictions["index"].tolist()]
        file = write_predictions(tested.folder, tested.predictions, names)
        return {"predictions_test": file, "per_image_test": file} | show_maps(tested)

    def evaluator(self, options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> Evaluator:
        """See `Wing`."""
        from tlbench.tasks.semantic_segmentation.evaluator import MapEvaluator

        return MapEvaluator(options, run, config)

    def file_job(self, options: PredictOptions, run: CompleteRun, names: Sequence[str]) -> FileJob[Any]:
        """See `Wing`."""
        from tlbench.tasks.semantic_segmentation.files import segment_files

        return segment_files(options, run, names)

    def predictor(self, run: CompleteRun, device: str, calibrated: bool) -> Predictor[Any, Any]:
        """See `Wing`."""
        from tlbench.tasks.semantic_segmentation.predictor import load_map_predictor

        return load_map_predictor(run, device, calibrated)

    @property
    def onnx_output(self) -> OnnxOutput:
        """See `Wing`."""
        from tlbench.tasks.semantic_segmentation.onnx import LOGITS

        return LOGITS

    def onnx(self, run: CompleteRun, module: nn.Module) -> OnnxContract:  # noqa: ARG002
        """See `Wing`."""
        from tlbench.tasks.semantic_segmentation.onnx import contract

        return contract(run)

    def own_formats(self) -> Mapping[str, OwnFormat]:
        """None."""
        return {}

    def elsewhere(self, run: CompleteRun, path: Path) -> list[str]:  # noqa: ARG002
        """Nothing."""
        return []
