"""Images of noise, over and over."""

from __future__ import annotations

import torch
from torch import Tensor


def repeated(count: int, images: Tensor) -> Tensor:
    """(count,) int64 positions in images (N, …), over and over."""
    return torch.arange(count, device=images.device) % len(images)
