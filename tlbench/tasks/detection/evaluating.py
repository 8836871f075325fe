"""A detection run's network on some data: loss and metrics as the run's test has them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tlbench.annotations.instances.augment import evaluation_boxes
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.images import BoxFiles, BoxSplit
from tlbench.annotations.instances.loader import PositionLoader
from tlbench.annotations.instances.module import evaluation_batch
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.annotations.instances.worker_loader import BoxWorkerLoader, Decoded
from tlbench.config import TrainConfig
from tlbench.console import say, warn
from tlbench.data.workers import default_workers
from tlbench.metrics.loss_parts import loss_values
from tlbench.metrics.mean import SampleMean
from tlbench.tasks.detection.loaded import LoadedDetector
from tlbench.tasks.detection.loss import PARTS, DetectionLoss
from tlbench.tasks.detection.metrics import DetectionMetrics
from tlbench.tasks.detection.splits import BoxParts, open_box_split
from tlbench.tools.decoding import decoding_to_evaluate


@dataclass(eq=False)
class BoxEvaluation:
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
                metrics.update(inference.found(outputs, targets), targets)
        values = {**loss_values(loss.compute(), PARTS), **metrics.compute()}
        return {f"{split}/{name}": _defined(float(value)) for name, value in values.items()}, metrics

    def _inputs(self, split: str) -> Iterator[tuple[Tensor, BoxTargets]]:
        """All images of a split, in the batches of the run's own test: the loss depends on them.

        Of several processes each had every W-th image; their batches come one process after another.
        """
        data, device = self.config.data, self.inference.device
        assert isinstance(data, InstanceDataConfig)
        for images in self.parts(split):
            kept = images.to(device)
            for index, decoded in _batches(images, data, min(self.config.trainer.devices, len(images))):
                moved = None if decoded is None else Decoded(*(tensor.to(device) for tensor in decoded))
                inputs, targets = evaluation_boxes(kept, index.to(device), moved)
                yield self.inference.network_input(inputs), targets


def _batches(images: BoxSplit, data: InstanceDataConfig, processes: int) -> Iterator[tuple[Tensor, Decoded | None]]:
    """Positions (B,), and what workers decoded for them where the images are not in memory."""
    size = evaluation_batch(data)
    loader: Any  # it gives other batches than `OrderedLoader` declares
    for rank in range(processes):
        part: dict[str, Any] = {"rank": rank, "world_size": processes}
        if isinstance(images, BoxFiles):
            workers = default_workers() if data.workers is None else data.workers
            loader = BoxWorkerLoader(images, size, workers=workers, passes=False, **part)
            yield from ((batch.samples, batch) for batch in loader)
        else:
            loader = PositionLoader(len(images), size, **part)
            yield from ((index, None) for index in loader)


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
