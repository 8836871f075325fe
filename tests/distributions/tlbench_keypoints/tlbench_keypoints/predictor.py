"""A finished run of key points in Python: `tlbench.load(run)(images)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tlbench.data.decode import Decoding
from tlbench.errors import ConfigError
from tlbench.geometry.placement import Placement
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.images import OneImage
from tlbench.tools.loaded_run import load_run
from tlbench.tools.predictor import Predictor
from tlbench_keypoints.batches import PointBatches
from tlbench_keypoints.config import PointDataConfig
from tlbench_keypoints.inputs import PointInput, as_batch, decode_input, point_input
from tlbench_keypoints.loaded import LoadedKeyPoints


@dataclass(frozen=True)
class KeyPoint:
    """Where a point is, in pixels of the original image, upright, from its top left corner."""

    name: str
    x: float
    y: float


class KeyPointsPredictor(Predictor[PointInput, list[KeyPoint]]):
    """A run's network of K points: normalised images (B, 3, H, W) to (B, 2 K).

    Attributes:
        points: K names; the class names are those of the coordinates.
    """

    def __init__(self, inference: LoadedKeyPoints) -> None:
        super().__init__(inference)
        self.points = inference.points
        self._inference = inference

    @property
    def batch_size(self) -> int:
        """See `Predictor`."""
        return PointBatches.evaluation_batch_of(self.data)

    @property
    def data(self) -> PointDataConfig:
        """The run's data."""
        return self._inference.data

    def decode(self, content: bytes, how: Decoding) -> PointInput:
        """See `Predictor`."""
        return decode_input(content, self.data, how)

    def take(self, image: OneImage) -> PointInput:
        """See `Predictor`."""
        return point_input(image, self.data, self.how)

    def outputs(self, batch: Sequence[PointInput]) -> Tensor:
        """See `Predictor`: (B, 2 K)."""
        return self._outputs(batch)[0]

    def said(self, batch: Sequence[PointInput]) -> list[list[KeyPoint] | None]:
        """Each image's K points; None where an output is not finite."""
        outputs, placement = self._outputs(batch)
        found = self._inference.found(outputs, placement).cpu()
        return [
            [KeyPoint(name, x, y) for name, (x, y) in zip(self.points, row.tolist(), strict=True)]
            if bool(torch.isfinite(row).all())
            else None
            for row in found
        ]

    def _outputs(self, batch: Sequence[PointInput]) -> tuple[Tensor, Placement]:
        images, placement = as_batch(batch, self.device)
        return self._inference.outputs(self._inference.network_input(images)), placement


def load_predictor(run: CompleteRun, device: str = "auto", calibrated: bool = False) -> KeyPointsPredictor:
    """A complete run's predictor; as `tlbench.load`.

    Raises:
        ConfigError: `calibrated` was asked for; or as `tlbench.load`.
    """
    if calibrated:
        raise ConfigError("calibrated=True: only for classification runs, and this one is of keypoints; leave it out")
    return KeyPointsPredictor(load_run(LoadedKeyPoints, run, device))
