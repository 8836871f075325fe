"""What a batch of key points is compared with, and where the network says that they are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tlbench.config.size import Size
from tlbench.geometry.placement import Placement


@dataclass(frozen=True, eq=False)
class PointTargets:
    """The points in a batch of B images, and where these lie in the network's input.

    Args:
        xy: (B, K, 2) float32 x, y in pixels of the network's input.
        seen: (B, K) bool, which of them are in it.
        placement: Of the B images.
    """

    xy: Tensor
    seen: Tensor
    placement: Placement

    def __len__(self) -> int:
        return len(self.xy)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> PointTargets:
        """The same on a device."""
        return PointTargets(*(part.to(device, non_blocking=non_blocking) for part in vars(self).values()))


def in_image(xy: Tensor, placement: Placement) -> Tensor:
    """(B, K, 2) x, y in pixels of the network's input → in pixels of the original images, clipped to these."""
    return placement.back(xy, torch.arange(len(xy), device=xy.device))


def longer_sides(placement: Placement) -> Tensor:
    """(B, 1) int64, the longer side of each letterboxed image, pixels of the network's input."""
    return placement.extent[:, 0].amax(1, keepdim=True)


def decode(outputs: Tensor, size: Size) -> Tensor:
    """Where the points are.

    Args:
        outputs: (B, 2 K), x and y of each point as fractions of the input's width and height, from its middle.
        size: Height and width of the input, pixels.

    Returns:
        (B, K, 2) x, y in pixels of the input.
    """
    return (outputs.view(len(outputs), -1, 2) + 0.5) * _across_and_down(outputs, size)


def point_loss(outputs: Tensor, targets: PointTargets, size: Size, beta: float) -> Tensor:
    """The mean over images of the smooth L1 distance of the points that are seen; 0 of an image without any.

    It does not depend on how images are put into batches.
    """
    wanted = targets.xy / _across_and_down(outputs, size) - 0.5
    given = outputs.view(len(outputs), -1, 2)
    error = torch.nn.functional.smooth_l1_loss(given, wanted, beta=beta, reduction="none").sum(2)
    of_image = torch.where(targets.seen, error, 0.0).sum(1) / targets.seen.sum(1).clamp(min=1)
    return of_image.mean()


def _across_and_down(like: Tensor, size: Size) -> Tensor:
    """(2,) width and height."""
    return like.new_tensor(size[::-1])
