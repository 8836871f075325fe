"""A segmentation run's network on some data: loss and metrics as the run's test has them."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from tlbench.annotations.maps.batches import MapBatches
from tlbench.annotations.maps.targets import MapTargets
from tlbench.runs.checkpoints import read_checkpoint
from tlbench.tasks.semantic_segmentation.loaded import LoadedSegmenter
from tlbench.tasks.semantic_segmentation.loss import MapLoss
from tlbench.tasks.semantic_segmentation.metrics import MapMetrics
from tlbench.tasks.semantic_segmentation.task import CLASS_WEIGHTS
from tlbench.tools.on_data import OnData


class SegmenterOnData(OnData[LoadedSegmenter]):
    """A run's network on some data."""

    @cached_property
    def batches(self) -> MapBatches:
        """As in `OnData`."""
        return MapBatches(self.untransformed)

    def metrics(self, split: str) -> tuple[dict[str, float | None], MapMetrics]:
        """Loss and metrics under their flat names, `<split>/miou`, as a run's record has them.

        Returns:
            The values, and what they are computed from.

        Raises:
            DataError: As `open_split`.
        """
        inference = self.inference
        criterion, weights = MapLoss(inference.task.loss), self._class_weights()
        metrics = MapMetrics(inference.run.class_names, boundary=True)

        def loss(outputs: Tensor, targets: MapTargets) -> Tensor:
            return criterion(outputs, targets.maps, weights)

        values = self.measured(split, loss, criterion.parts, metrics, lambda o, t: inference.found(o, t.placement))
        return values, metrics

    def _class_weights(self) -> Tensor | None:
        """Those that the run trained with, which may come from its training split."""
        if self.inference.task.class_weights is None:
            return None
        weights: Tensor = read_checkpoint(self.inference.run.checkpoint)["state_dict"][CLASS_WEIGHTS]
        return weights.to(self.inference.device, torch.float32)
