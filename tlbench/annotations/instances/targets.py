"""What a batch of the detection task is compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tlbench.annotations.instances.boxes import boxes_back
from tlbench.geometry.placement import Placement


@dataclass(frozen=True, eq=False)
class CrowdTargets:
    """Regions of crowds in a batch: what is detected in them counts neither way.

    Args:
        boxes: (K, 4) float32, as those of `BoxTargets`.
        labels: (K,) int64 class indices.
        image: (K,) int64, which of the batch's images each lies in, ascending.
    """

    boxes: Tensor
    labels: Tensor
    image: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> CrowdTargets:
        """The same on a device."""
        moved = {name: tensor.to(device, non_blocking=non_blocking) for name, tensor in vars(self).items()}
        return replace(self, **moved)


@dataclass(frozen=True, eq=False)
class BoxTargets:
    """The objects in a batch of B images, and where these lie in the network's input.

    Args:
        boxes: (M, 4) float32, `x1 y1 x2 y2` in pixels of the network's input.
        labels: (M,) int64 class indices.
        image: (M,) int64, which of the B images each object lies in, ascending.
        placement: Of the B images.
        crowds: Regions of crowds; None in training, and where the data set has none in any image.
    """

    boxes: Tensor
    labels: Tensor
    image: Tensor
    placement: Placement
    crowds: CrowdTargets | None = None

    def __len__(self) -> int:
        return len(self.placement)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> BoxTargets:
        """The same on a device."""
        moved = {
            name: part.to(device, non_blocking=non_blocking) for name, part in vars(self).items() if part is not None
        }
        return replace(self, **moved)

    def in_image(self, boxes: Tensor, image: Tensor) -> Tensor:
        """As `boxes.boxes_back`."""
        return boxes_back(boxes, image, self.placement)
