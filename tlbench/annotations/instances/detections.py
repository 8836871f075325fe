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

    @classmethod
    def undefined(cls, device: torch.device | str = "cpu") -> Detections:
        """Those of an image for which the network's outputs are not finite: one of NaN, which makes metrics NaN."""
        nan = torch.full((1, 4), torch.nan, device=device)
        return cls(nan, nan[:, 0], torch.zeros(1, dtype=torch.int64, device=device))

    @property
    def is_defined(self) -> bool:
        """Whether boxes and scores are finite; waits for the device."""
        return bool(torch.isfinite(self.boxes).all() & torch.isfinite(self.scores).all())

    def __len__(self) -> int:
        return len(self.scores)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Detections:
        """The same on a device."""
        moved = {name: tensor.to(device, non_blocking=non_blocking) for name, tensor in vars(self).items()}
        return replace(self, **moved)
