"""Class maps in the network's input: of each pixel the class of the stored pixel that lies nearest, never a mixture.

They follow the placement that their images follow (`resample`): what is seen at a pixel there is interpolated around
the place whose nearest stored pixel gives the class here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tlbench.geometry.placement import Placement
from tlbench.geometry.resample import places_of


def place_maps(maps: Tensor, rows: Tensor, placement: Placement, beside: int) -> Tensor:
    """Bring the maps of a batch into the input; nothing waits for the device.

    Args:
        maps: (K, H, W) uint8, in the pixels of the stored images.
        rows: (B, T) int64, which of the K each tile is; anything where there is none.
        placement: Where they lie.
        beside: What lies beside the images.

    Returns:
        (B, H, W) uint8, of the input's height and width.
    """
    first, after = placement.shown()
    x, y = (axis.add(0.5).floor().to(torch.int64) for axis in places_of(placement))
    placed = maps.new_full((len(rows), y.shape[1], x.shape[1]), beside)
    for tile in range(rows.shape[1]):
        corner, low, high = placement.corner[:, tile], first[:, tile], after[:, tile]
        column, row = x - corner[:, :1], y - corner[:, 1:]
        seen = _between(row, low[:, 1:], high[:, 1:])[:, :, None] & _between(column, low[:, :1], high[:, :1])[:, None]
        column, row = column.clamp(0, maps.shape[2] - 1), row.clamp(0, maps.shape[1] - 1)
        found = maps[rows[:, tile, None, None], row[:, :, None], column[:, None]]
        placed = torch.where(seen, found, placed)
    return placed


def _between(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return (values >= low) & (values < high)
