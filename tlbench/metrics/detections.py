"""What a detector says about one image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Detections:
    """The detections of one image, the surest first.

    Args:
        boxes: (K, 4) float32, `x1 y1 x2 y2` with x1 ≤ x2 and y1 ≤ y2, in pixels of the image as it is stored in the
            data set (not of the network's input).
        scores: (K,) float32 confidences in [0, 1], descending.
        labels: (K,) int64 class indices.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.scores)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Detections:
        """The same on a device."""
        moved = {name: tensor.to(device, non_blocking=non_blocking) for name, tensor in vars(self).items()}
        return replace(self, **moved)
