"""What a batch of the detection task is compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


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
    """The objects in a batch of B images, and how the network's input came out of the images.

    Args:
        boxes: (M, 4) float32, `x1 y1 x2 y2` in pixels of the network's input.
        labels: (M,) int64 class indices.
        image: (M,) int64, which of the B images each object lies in, ascending.
        frames: (B, 4) float32: the factors from the image's pixels to the input's, across and down (they differ by the
            fraction of a pixel to which a side is rounded), and the input's pixels to the left of the image and above
            it. Of augmented images, which have no such frame, zeros.
        sizes: (B, 2) float32, height and width of the images as they are stored in the data set, pixels.
        crowds: Regions of crowds; None in training, and where the data set has none in any image.
    """

    boxes: Tensor
    labels: Tensor
    image: Tensor
    frames: Tensor
    sizes: Tensor
    crowds: CrowdTargets | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> BoxTargets:
        """The same on a device."""
        moved = {
            name: part.to(device, non_blocking=non_blocking) for name, part in vars(self).items() if part is not None
        }
        return replace(self, **moved)

    def in_image(self, boxes: Tensor, image: Tensor) -> Tensor:
        """Boxes of the input in pixels of the image, clipped to it.

        Args:
            boxes: (K, 4) float32, `x1 y1 x2 y2` in pixels of the network's input.
            image: (K,) int64, which of the B images each lies in.

        Returns:
            (K, 4) float32.
        """
        factor, offset = self.frames[image, :2], self.frames[image, 2:]
        limit = self.sizes[image].flip(1)
        corners = ((boxes.view(-1, 2, 2) - offset[:, None]) / factor[:, None]).clamp(min=0)
        return torch.minimum(corners, limit[:, None]).view(-1, 4)
