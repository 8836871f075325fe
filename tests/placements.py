"""Placements of single images, scaled and moved by given amounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from tlbench.geometry.letterbox import letterbox
from tlbench.geometry.placement import Placement


def placed(
    sizes: Sequence[tuple[int, int]],
    factors: Sequence[float] | None = None,
    shifts: Sequence[tuple[float, float]] | None = None,
    side: int = 64,
) -> Placement:
    """Of images of these heights and widths: stored by a factor each (1), then moved by x, y (0, 0)."""
    originals = torch.tensor(sizes)
    inside = (originals * torch.tensor(factors or [1] * len(sizes))[:, None]).to(torch.int64)
    shift = torch.tensor(shifts or [(0, 0)] * len(sizes), dtype=torch.float32)
    return replace(letterbox(inside, originals, (side, side)), shift=shift)
