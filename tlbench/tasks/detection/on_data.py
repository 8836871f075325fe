"""A detection run's network on some data: loss and metrics as the run's test has them."""

from __future__ import annotations

from functools import cached_property

from tlbench.annotations.instances.batches import BoxBatches
from tlbench.tasks.detection.loaded import LoadedDetector
from tlbench.tasks.detection.loss import PARTS, DetectionLoss
from tlbench.tasks.detection.metrics import DetectionMetrics
from tlbench.tools.on_data import OnData


class DetectorOnData(OnData[LoadedDetector]):
    """A run's network on some data."""

    @cached_property
    def batches(self) -> BoxBatches:
        """As in `OnData`."""
        return BoxBatches(self.untransformed)

    def metrics(self, split: str) -> tuple[dict[str, float | None], DetectionMetrics]:
        """Loss and metrics under their flat names, `<split>/map50_95`, as a run's record has them.

        Precision, recall and F1 are at the confidence that the run's validation chose.

        Returns:
            The values, and what they are computed from.

        Raises:
            DataError: As `open_split`.
        """
        inference = self.inference
        criterion = DetectionLoss(inference.network, inference.task)
        metrics = DetectionMetrics(inference.run.class_names)
        metrics.confidence = inference.confidence
        values = self.measured(
            split,
            lambda outputs, targets: criterion(outputs, targets, inference.data.input_size),
            PARTS,
            metrics,
            lambda outputs, targets: inference.found(outputs, targets.placement),
        )
        return values, metrics
