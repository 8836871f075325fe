"""What a batch of key points is compared with, and where the network says that they are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

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


def decode(outputs: Tensor, side: int) -> Tensor:
    """Where the points are.

    Args:
        outputs: (B, 2 K), x and y of each point as fractions of the input's side, counted from its middle.
        side: Height and width of the input, pixels.

    Returns:
        (B, K, 2) x, y in pixels of the input.
    """
    return (outputs.view(len(outputs), -1, 2) + 0.5) * side


def point_loss(outputs: Tensor, targets: PointTargets, side: int, beta: float) -> Tensor:
    """The mean over images of the smooth L1 distance of the points that are seen; 0 of an image without any.

    It does not depend on how images are put into batches.
    """
    error = torch.nn.functional.smooth_l1_loss(
        outputs.view(len(outputs), -1, 2), targets.xy / side - 0.5, beta=beta, reduction="none"
    ).sum(2)
    of_image = torch.where(targets.seen, error, 0.0).sum(1) / targets.seen.sum(1).clamp(min=1)
    return of_image.mean()
