"""Boundary IoU: how well two class maps agree near the borders of their classes (Cheng et al. 2021, arXiv:2103.16562).

A class's boundary in a map are its pixels within d of what is not of the class, d being 0.02 of the image's diagonal,
at least one pixel: those that d erosions with a square of 3 × 3 take away. Beyond the image nothing is of the class.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from tlbench.annotations.maps.class_maps import VOID

DILATION = 0.02
"""Of the image's diagonal."""


def boundary_counts(found: Tensor, true: Tensor, classes: int) -> Tensor:
    """Where two maps' boundaries of each class meet, and where either is.

    Args:
        found: (h, w) uint8.
        true: (h, w) uint8; where it is `VOID` nothing is counted.
        classes: C.

    Returns:
        (2, C) int64 pixels: intersections, unions.
    """
    width = distance(*true.shape)
    known = true != VOID
    one, other = _boundaries(found, classes, width) & known, _boundaries(true, classes, width) & known
    return torch.stack([(one & other).sum((1, 2)), (one | other).sum((1, 2))])


def distance(height: int, width: int) -> int:
    """D of an image, pixels."""
    return max(round(DILATION * math.hypot(height, width)), 1)


def _boundaries(maps: Tensor, classes: int, width: int) -> Tensor:
    """(C, h, w) bool. Eroding d times leaves the pixels whose square of (2 d + 1)² is all of the class."""
    of_class = maps == torch.arange(classes, device=maps.device, dtype=torch.uint8)[:, None, None]
    reach, side = width, 2 * width + 1
    padded = F.pad(of_class.to(torch.int32), (reach + 1, reach, reach + 1, reach))
    sums = padded.cumsum(1, dtype=torch.int32).cumsum(2, dtype=torch.int32)
    inside = sums[:, side:, side:] - sums[:, :-side, side:] - sums[:, side:, :-side] + sums[:, :-side, :-side]
    return of_class & (inside < side**2)
