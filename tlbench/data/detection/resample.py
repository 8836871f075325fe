"""Resample the images of a batch into the network's input: one bilinear interpolation from the stored pixels.

Scaling and translation act on rows and columns separately, so a tile is resampled by rows first, then by columns.
Every pixel of the result is the bilinear interpolation of four pixels of the canvas (see `mosaic`), which may be those
of several tiles, or grey; each tile adds its part. Integer coordinates are the centres of pixels, as in OpenCV's
`warpAffine`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tlbench.data.decode import GREY
from tlbench.data.detection.mosaic import Draws, Layout


@dataclass(frozen=True, eq=False)
class Taps:
    """The two columns and the two rows of each tile that each column and row of the input is interpolated from.

    Args:
        pixels: (2, B, T, 2, S) int64: first or second; sample; tile; x or y; position in the input.
        weights: (2, B, T, 2, S) float32, 0 where the pixel is not the tile's.
        start: (B, T, 2) int64 x, y: first position in the input that the tile contributes to.
        stop: (B, T, 2) int64 x, y after the last.
    """

    pixels: Tensor
    weights: Tensor
    start: Tensor
    stop: Tensor


def taps(draws: Draws, layout: Layout, side: int) -> Taps:
    """Which pixels the input is interpolated from; `side` is its height and width, S."""
    position = torch.arange(side, device=draws.scale.device)
    x = torch.where(draws.flip[:, None], side - 1 - position, position)
    places = torch.stack([x, position.expand_as(x)], dim=1)  # (B, 2, S)
    places = (places - draws.shift[:, :, None]) / draws.scale[:, None, None] + layout.canvas[:, :, None] / 2
    floor = places.floor()
    second = places - floor
    first = floor.to(torch.int64)[:, None] - layout.corner[..., None]
    pixels = torch.stack([first, first + 1])
    mine = (pixels >= layout.low[..., None]) & (pixels < layout.high[..., None])
    weights = torch.stack([1 - second, second])[:, :, None] * mine
    touched = mine.any(0)
    start = touched.to(torch.uint8).argmax(-1)
    return Taps(pixels.clamp_(0, side - 1), weights, start, start + touched.sum(-1))


def render(images: Tensor, rows: Tensor, found: Taps) -> Tensor:
    """Resample tiles into a batch.

    Args:
        images: (K, 3, S, S) uint8, images in their top left corners.
        rows: (B, T) int64, which of the K each tile is.
        found: Of the B samples.

    Returns:
        (B, 3, S, S) float32 in [0, 1].
    """
    side = images.shape[-1]
    batch = torch.full((len(rows), 3, side, side), GREY / 255, device=images.device)
    spans = torch.cat([rows[..., None], found.start, found.stop], dim=-1).tolist()
    for sample, tiles in enumerate(spans):
        for tile, (row, left, top, right, bottom) in enumerate(tiles):
            if left < right and top < bottom:
                x = slice(None), sample, tile, 0, slice(left, right)
                y = slice(None), sample, tile, 1, slice(top, bottom)
                part = batch[sample, :, top:bottom, left:right]
                _add(part, images[row], found.pixels[x], found.weights[x] / 255, found.pixels[y], found.weights[y])
    return batch


def _add(part: Tensor, image: Tensor, columns: Tensor, across: Tensor, lines: Tensor, down: Tensor) -> None:
    """Add a tile's difference from grey to part of a sample.

    Args:
        part: (3, h, w) float32.
        image: (3, S, S) uint8.
        columns: (2, w) int64, the image's columns.
        across: (2, w) float32, their weights.
        lines: (2, h) int64, the image's rows.
        down: (2, h) float32, their weights.
    """
    first, second = (image.index_select(1, line).to(torch.float32).sub_(GREY) for line in lines)
    mixed = first.mul_(down[0, :, None]).addcmul_(second, down[1, :, None])
    for column, weight in zip(columns, across, strict=True):
        part.addcmul_(mixed.gather(2, column.expand(*part.shape[:2], -1)), weight)
