"""A run's network of key points on some data: loss and metrics as the run's test has them."""

from __future__ import annotations

import math
from functools import cached_property

import torch
from lightning.fabric.utilities import move_data_to_device

from tlbench.metrics.mean import SampleMean
from tlbench.tools.on_data import OnData
from tlbench_keypoints.batches import PointBatches
from tlbench_keypoints.loaded import LoadedKeyPoints
from tlbench_keypoints.metrics import PointMetrics
from tlbench_keypoints.targets import decode, longer_sides, point_loss


class KeyPointsOnData(OnData[LoadedKeyPoints]):
    """A run's network on some data."""

    @cached_property
    def batches(self) -> PointBatches:
        """As in `OnData`."""
        return PointBatches(self.untransformed)

    def metrics(self, split: str) -> tuple[dict[str, float | None], torch.Tensor]:
        """Loss and metrics under their flat names, `<split>/pck`, as a run's record has them; and all distances.

        Raises:
            DataError: As `open_split`.
        """
        of, size = self.inference, self.inference.data.input_size
        metrics, loss, own, far = PointMetrics(of.points), SampleMean(), self.own, []
        own.metrics.reset()
        for part in self.parts(split):
            kept = part.to(of.device)
            for batch in self.loader(part):
                inputs, targets, _ = self.batches.plain(kept, move_data_to_device(batch, of.device))
                with torch.inference_mode():
                    outputs = of.outputs(inputs)
                    mean = point_loss(outputs, targets, size, of.task.beta)
                    mean = mean if own.loss is None else own.loss(outputs, targets, of.device)
                    loss.update(mean, len(targets))
                    found = decode(outputs, size)
                    metrics.update(found, targets)
                    own.metrics.update(found, targets)
                    distances = torch.linalg.vector_norm(found - targets.xy, dim=2) / longer_sides(targets.placement)
                    far.append(distances[targets.seen].cpu())
        values = {"loss": loss.compute(), **metrics.compute(), **own.metrics.compute()}
        named = {f"{split}/{name}": float(value) for name, value in values.items()}
        return {name: value if math.isfinite(value) else None for name, value in named.items()}, torch.cat(far)
