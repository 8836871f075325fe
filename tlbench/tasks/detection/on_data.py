"""A detection run's network on some data: loss and metrics as the run's test has them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property

import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor

from tlbench.annotations.instances.batches import BoxBatches
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.metrics.loss_parts import loss_values
from tlbench.metrics.mean import SampleMean
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
        inference, own = self.inference, self.own
        parts = PARTS if own.loss is None else ()
        metrics, loss = DetectionMetrics(inference.run.class_names), SampleMean((len(parts),) if parts else ())
        own.metrics.reset()
        metrics.confidence = inference.confidence
        criterion = DetectionLoss(inference.network, inference.task)
        for inputs, targets in self._inputs(split):
            with torch.inference_mode():
                outputs = inference.outputs(inputs)
                if own.loss is None:
                    loss.update(criterion(outputs, targets, inference.data.input_size), len(targets))
                else:
                    loss.update(own.loss(outputs, targets, inference.device), len(targets))
                found = inference.found(outputs, targets.placement)
                metrics.update(found, targets)
                own.metrics.update(found, targets)
        values = {**loss_values(loss.compute(), parts), **metrics.compute(), **own.metrics.compute()}
        return {f"{split}/{name}": _defined(float(value)) for name, value in values.items()}, metrics

    def _inputs(self, split: str) -> Iterator[tuple[Tensor, BoxTargets]]:
        """All images of a split, in the batches of the run's own test: the loss depends on them.

        Of several processes each had every W-th image; their batches come one process after another.
        """
        device, devices = self.inference.device, self.config.trainer.devices
        for part in self.parts(split):
            kept, processes = part.to(device), min(devices, len(part))
            for rank in range(processes):
                for batch in self.loader(part, rank=rank, world_size=processes):
                    inputs, targets, _ = self.batches.plain(kept, move_data_to_device(batch, device))
                    yield inputs, targets


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
