"""A finished run's network that finds boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tlbench.annotations.instances.batches import network_input
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.detections import Detections
from tlbench.geometry.placement import Placement
from tlbench.tasks.detection.chosen import chosen_confidence
from tlbench.tasks.detection.config import DetectionConfig
from tlbench.tasks.detection.decode import found_boxes
from tlbench.tools.loaded_run import LoadedRun


@dataclass(frozen=True, eq=False)
class LoadedDetector(LoadedRun):
    """Finds boxes; classes are numbered as in the run's class names."""

    @property
    def data(self) -> InstanceDataConfig:
        """The run's data."""
        assert isinstance(self.run.config.data, InstanceDataConfig)
        return self.run.config.data

    @property
    def task(self) -> DetectionConfig:
        """The run's task."""
        assert isinstance(self.run.config.task, DetectionConfig)
        return self.run.config.task

    @property
    def confidence(self) -> float:
        """As `chosen_confidence`."""
        return chosen_confidence(self.run)

    def network_input(self, images: Tensor) -> Tensor:
        """What the network takes, on the device, in the run's memory format.

        Args:
            images: (B, 3, H, W) float32 in [0, 1], RGB, letterboxed (`tlbench.geometry.letterbox`), any device.

        Returns:
            (B, 3, H, W) float32, normalised.
        """
        moved = images.to(self.device, non_blocking=True)
        return network_input(moved, self.data, channels_last=self.run.config.trainer.channels_last)

    def detect(self, inputs: Tensor, placement: Placement) -> list[Detections]:
        """Each image's detections, those of the lowest scores (`task.min_confidence`) included.

        Args:
            inputs: (B, 3, H, W) float32, as `network_input` gives them.
            placement: Of the same inputs, on the device.

        Returns:
            B of them, the surest first, boxes in pixels of the original image and clipped to it; undefined where the
            network's outputs for an image are not finite.
        """
        with torch.inference_mode():
            return self.found(self.outputs(inputs), placement)

    def found(self, outputs: Any, placement: Placement) -> list[Detections]:
        """As `detect`, from the network's outputs."""
        return found_boxes(outputs, placement, len(self.run.class_names), self.task)
