"""A finished run's network that finds key points."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tlbench.geometry.placement import Placement
from tlbench.tools.loaded_run import LoadedRun
from tlbench_keypoints.batches import network_input
from tlbench_keypoints.config import PointDataConfig, PointsConfig
from tlbench_keypoints.names import points_of
from tlbench_keypoints.targets import decode, in_image


@dataclass(frozen=True, eq=False)
class LoadedKeyPoints(LoadedRun):
    """Finds key points."""

    @property
    def data(self) -> PointDataConfig:
        """The run's data."""
        assert isinstance(self.run.config.data, PointDataConfig)
        return self.run.config.data

    @property
    def task(self) -> PointsConfig:
        """The run's task."""
        assert isinstance(self.run.config.task, PointsConfig)
        return self.run.config.task

    @property
    def points(self) -> tuple[str, ...]:
        """K names."""
        return points_of(self.run.class_names)

    def network_input(self, images: Tensor) -> Tensor:
        """What the network takes, on the device: (B, 3, H, W) float32 in [0, 1], letterboxed → normalised."""
        moved = images.to(self.device, non_blocking=True)
        return network_input(moved, self.data, channels_last=self.run.config.trainer.channels_last)

    def found(self, outputs: Tensor, placement: Placement) -> Tensor:
        """Where the points are.

        Args:
            outputs: (B, 2 K), the network's.
            placement: Of the same images, on the device.

        Returns:
            (B, K, 2) x, y in pixels of the original images, clipped to these; NaN for an image for which an output is
            not finite.
        """
        with torch.inference_mode():
            found = in_image(decode(outputs, self.data.input_size), placement)
            return torch.where(torch.isfinite(outputs).all(1)[:, None, None], found, torch.nan)
