"""Images that are larger than the network's input, shown in tiles of its size that overlap."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from tlbench.config.size import Size

_PIXELS_AT_ONCE = 2**20
"""Of the tiles that go through the network together; in tiles of 256 × 256, 16."""


def first_pixels(length: int, side: int, overlap: float) -> list[int]:
    """Where tiles begin that cover so many pixels: evenly apart, the first and the last at the ends.

    Args:
        length: Pixels, ≥ `side`.
        side: Pixels of a tile.
        overlap: At least this part of a tile is shared with the next one, in [0, 1).
    """
    steps = math.ceil((length - side) / (side * (1 - overlap)))
    return [number * (length - side) // max(steps, 1) for number in range(steps + 1)]


def of_tiles(network: Callable[[Tensor], Tensor], images: Tensor, size: Size, overlap: float) -> Tensor:
    """What a network says of images that may be larger than its input: the mean of its tiles' outputs at each pixel.

    An image of the input's size goes through as it is.

    Args:
        network: From (b, 3, h, w) to (b, C, h, w).
        images: (B, 3, H, W), at least of the input's size.
        size: Height h and width w of the input, pixels.
        overlap: As in `first_pixels`.

    Returns:
        (B, C, H, W), float32 where there is more than one tile.
    """
    height, width = images.shape[-2:]
    rows, columns = first_pixels(height, size[0], overlap), first_pixels(width, size[1], overlap)
    if len(rows) == len(columns) == 1:
        return network(images)
    channels_last = images.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    corners = list(product(range(len(images)), rows, columns))
    some = max(_PIXELS_AT_ONCE // math.prod(size), 1)
    total: Tensor | None = None
    for first in range(0, len(corners), some):
        part = corners[first : first + some]
        tiles = [images[i, :, top : top + size[0], left : left + size[1]] for i, top, left in part]
        outputs = network(torch.stack(tiles).contiguous(memory_format=layout)).float()
        if total is None:
            total = outputs.new_zeros(len(images), outputs.shape[1], height, width)
        for (i, top, left), each in zip(part, outputs, strict=True):
            total[i, :, top : top + size[0], left : left + size[1]] += each
    assert total is not None
    return total.div_(_times(height, rows, size[0], total)[:, None] * _times(width, columns, size[1], total))


def _times(length: int, first: list[int], side: int, like: Tensor) -> Tensor:
    """(length,): in how many tiles each pixel is."""
    times = like.new_zeros(length)
    for start in first:
        times[start : start + side] += 1
    return times
