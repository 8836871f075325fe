"""A finished run's network that classifies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tlbench.geometry.augment import prepare, resized, to_levels
from tlbench.tools.loaded_run import LoadedRun


@dataclass(frozen=True, eq=False)
class LoadedClassifier(LoadedRun):
    """Computes logits."""

    def logits(self, images: Tensor, change: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """The network's outputs, computed in the run's precision and memory format.

        Args:
            images: (B, 3, H, W) uint8, RGB, of the run's stored size, on any device.
            change: Changes the images once they have the network's input size, (B, 3, *size) uint8 on the device, to
                such images, before they are normalised.

        Returns:
            (B, C) float32, on the device.
        """
        c = self.run.config
        with torch.inference_mode():
            size, images = c.data.input_size, images.to(self.device, non_blocking=True)
            if change is not None:
                images = change(to_levels(resized(images, size)))
            inputs = prepare(images, size, c.data.normalisation, channels_last=c.trainer.channels_last)
            outputs: Tensor = self.outputs(inputs)
        return outputs.float()
