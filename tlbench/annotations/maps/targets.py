"""What a batch of images with class maps is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tlbench.geometry.placement import Placement


@dataclass(frozen=True, eq=False)
class MapTargets:
    """The class maps of a batch of B images, and where these lie in the network's input.

    Args:
        maps: (B, H, W) uint8 in the pixels of the input: classes, and `VOID`.
        placement: Of the B images.
        originals: (h, w) uint8 each, the maps in the size that they have in the data set, which evaluation compares
            with; none in training.
    """

    maps: Tensor
    placement: Placement
    originals: Sequence[Tensor] = ()

    def __len__(self) -> int:
        return len(self.maps)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> MapTargets:
        """The same on a device."""
        return replace(
            self,
            maps=self.maps.to(device, non_blocking=non_blocking),
            placement=self.placement.to(device, non_blocking=non_blocking),
            originals=tuple(each.to(device, non_blocking=non_blocking) for each in self.originals),
        )
