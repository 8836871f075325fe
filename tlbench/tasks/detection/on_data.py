"""A detection run's network on some data: loss and metrics as the run's test has them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor

from tlbench.annotations.instances.targets import BoxTargets
from tlbench.config import TrainConfig
from tlbench.console import say, warn
from tlbench.data.workers import default_workers
from tlbench.metrics.loss_parts import loss_values
from tlbench.metrics.mean import SampleMean
from tlbench.tasks.detection.loaded import LoadedDetector
from tlbench.tasks.detection.loss import PARTS, DetectionLoss
from tlbench.tasks.detection.metrics import DetectionMetrics
from tlbench.tasks.detection.splits import BoxParts, open_box_split
from tlbench.tasks.wings import wing_of
from tlbench.tools.decoding import decoding_to_evaluate


@dataclass(eq=False)
class DetectorOnData:
    """A run's network on some data.

    Args:
        inference: The network.
        config: The run's configuration, with the data to evaluate on.
    """

    inference: LoadedDetector
    config: TrainConfig
    _parts: dict[str, BoxParts] = field(default_factory=dict)

    def parts(self, split: str) -> BoxParts:
        """The images of a split, opened once.

        Raises:
            ConfigError: As `decoding_to_evaluate`.
            DataError: As `open_box_split`.
        """
        if split not in self._parts:
            run = self.inference.run
            how = decoding_to_evaluate(run, self.config)
            self._parts[split] = open_box_split(self.config, split, run.class_names, how, say, warn)
        return self._parts[split]

    def metrics(self, split: str) -> tuple[dict[str, float | None], DetectionMetrics]:
        """Loss and metrics under their flat names, `<split>/map50_95`, as a run's record has them.

        Precision, recall and F1 are at the confidence that the run's validation chose.

        Returns:
            The values, and what they are computed from.

        Raises:
            DataError: As `open_box_split`.
        """
        inference, side = self.inference, self.inference.data.image_size
        metrics, loss = DetectionMetrics(inference.run.class_names), SampleMean((len(PARTS),))
        metrics.confidence = inference.confidence
        criterion = DetectionLoss(inference.network, inference.task)
        for inputs, targets in self._inputs(split):
            with torch.inference_mode():
                outputs = inference.outputs(inputs)
                loss.update(criterion(outputs, targets, (side, side)), len(targets))
                metrics.update(inference.found(outputs, targets.placement), targets)
        values = {**loss_values(loss.compute(), PARTS), **metrics.compute()}
        return {f"{split}/{name}": _defined(float(value)) for name, value in values.items()}, metrics

    def _inputs(self, split: str) -> Iterator[tuple[Tensor, BoxTargets]]:
        """All images of a split, in the batches of the run's own test: the loss depends on them.

        Of several processes each had every W-th image; their batches come one process after another.
        """
        c, device = self.config, self.inference.device
        batches = wing_of(c).batches(c)
        workers = default_workers() if c.data.workers is None else c.data.workers
        for images in self.parts(split):
            kept, processes = images.to(device), min(c.trainer.devices, len(images))
            for rank in range(processes):
                part: dict[str, Any] = {"rank": rank, "world_size": processes}
                loader = batches.loader(images, batches.evaluation_batch, workers=workers, passes=False, **part)
                for batch in loader:
                    inputs, targets, _ = batches.plain(kept, move_data_to_device(batch, device))
                    yield inputs, targets


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
