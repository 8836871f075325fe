"""From a network's logits to the class of each pixel of the images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tlbench.annotations.maps.found import FoundMaps
from tlbench.geometry.placement import Placement

_AT_ONCE = 2**25
"""Numbers that are held of an image's logits at its own size: of large images some classes after the others."""


def found_maps(logits: Tensor, placement: Placement) -> FoundMaps:
    """Bring the logits of where each image lies bilinearly to its own size, and take the largest there.

    Args:
        logits: (B, C, H, W) float32, of the network's input.
        placement: Where the images lie in it, as `geometry.letterbox` places them.
    """
    maps = [
        largest(part, size) for part, size in zip(placed_parts(logits, placement), own_sizes(placement), strict=True)
    ]
    undefined = ~torch.isfinite(logits).flatten(1).all(1)
    return FoundMaps(maps, logits.shape[1], undefined)


def placed_parts(logits: Tensor, placement: Placement) -> list[Tensor]:
    """(1, C, h, w) each: the logits of where the B images lie, without what is beside them."""
    spans = torch.cat([placement.shift.to(torch.int64), placement.extent[:, 0]], dim=1).tolist()
    return [
        logits[i : i + 1, :, top : top + height, left : left + width]
        for i, (left, top, width, height) in enumerate(spans)
    ]


def own_sizes(placement: Placement) -> list[tuple[int, int]]:
    """Height and width of the B images as they are in the data set."""
    return [(height, width) for width, height in placement.original[:, 0].tolist()]


def enlarged(part: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits (1, C, h, w) at another height and width, bilinear; the centres of pixels stay where they are."""
    return F.interpolate(part, size=size, mode="bilinear", align_corners=False)


def largest(part: Tensor, size: tuple[int, int]) -> Tensor:
    """(height, width) uint8: the class of the largest of logits (1, C, h, w) at this size; of equal ones the first."""
    some = max(_AT_ONCE // (size[0] * size[1]), 1)
    found, best = torch.zeros(size, dtype=torch.uint8, device=part.device), None
    for first in range(0, part.shape[1], some):
        value, label = enlarged(part[:, first : first + some], size)[0].max(dim=0)
        label = (label + first).to(torch.uint8)
        if best is None:
            found, best = label, value
        else:
            found, best = torch.where(value > best, label, found), torch.maximum(value, best)
    return found
