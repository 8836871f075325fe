"""Images in small: the audit's view of them."""

from __future__ import annotations

import torch
from torch import Tensor

from tlbench.geometry.fits import small_size

_AT_ONCE = 2**22
"""Pixels of which floating-point numbers are held at a time."""


def thumbnails_of(images: Tensor, side: int) -> Tensor:
    """(N, 3, H, W) uint8 in small, about as many pixels as `side`²."""
    height, width = images.shape[2:]
    size = small_size((height, width), side)
    some = min(max(_AT_ONCE // (height * width), 1), 64)
    small = [torch.nn.functional.adaptive_avg_pool2d(part.float(), size) for part in torch.split(images, some)]
    return torch.cat(small).round().to(torch.uint8) if small else images
