"""A finished run's network that gives each pixel a class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tlbench.annotations.maps.batches import network_input
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.annotations.maps.found import FoundMaps
from tlbench.geometry.placement import Placement
from tlbench.geometry.tiles import of_tiles
from tlbench.tasks.semantic_segmentation.config import SemanticSegmentationConfig
from tlbench.tasks.semantic_segmentation.decode import found_maps
from tlbench.tools.loaded_run import LoadedRun


@dataclass(frozen=True, eq=False)
class LoadedSegmenter(LoadedRun):
    """Classes are numbered as in the run's class names."""

    @property
    def data(self) -> MapDataConfig:
        """The run's data."""
        assert isinstance(self.run.config.data, MapDataConfig)
        return self.run.config.data

    @property
    def task(self) -> SemanticSegmentationConfig:
        """The run's task."""
        assert isinstance(self.run.config.task, SemanticSegmentationConfig)
        return self.run.config.task

    def network_input(self, images: Tensor) -> Tensor:
        """What the network takes, on the device, in the run's memory format.

        Args:
            images: (B, 3, H, W) float32 in [0, 1], RGB, letterboxed (`tlbench.geometry.letterbox`), any device.

        Returns:
            (B, 3, H, W) float32, normalised.
        """
        moved = images.to(self.device, non_blocking=True)
        return network_input(moved, self.data, channels_last=self.run.config.trainer.channels_last)

    def outputs(self, inputs: Tensor) -> Tensor:
        """As in `LoadedRun`; of images that are larger than the input, of their tiles."""
        network = super().outputs
        tile = self.task.tile
        logits: Tensor = network(inputs) if tile is None else of_tiles(network, inputs, self.data.input_size, tile)
        return logits

    def found(self, outputs: Tensor, placement: Placement) -> FoundMaps:
        """Each image's classes, at its own size, from the network's logits."""
        with torch.inference_mode():
            return found_maps(outputs, placement)
