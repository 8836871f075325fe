"""Resample the images of a batch into the network's input: one bilinear interpolation from the stored pixels.

Every pixel of the result is the bilinear interpolation of four pixels of the canvas (see `placement`). These may be
those of several tiles, or grey: each tile adds its difference from grey, which is 0 beyond its border. Integer
coordinates are the centres of pixels, as in OpenCV's `warpAffine`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from tlbench.geometry.fits import GREY
from tlbench.geometry.hsv import shift_hsv
from tlbench.geometry.placement import Placement


def render(images: Tensor, rows: Tensor, placement: Placement, gains: Tensor | None) -> Tensor:
    """Resample the tiles of a batch, and change the colours.

    Args:
        images: (K, 3, S, S) uint8, images in their top left corners, the rest grey.
        rows: (B, T) int64, which of the K each tile is; anything where there is none.
        placement: Where they lie.
        gains: (B, 3) float32, as `shift_hsv` takes them; None: colours stay.

    Returns:
        (B, 3, S, S) float32 in [0, 1].
    """
    if images.device.type != "cpu":
        batch = together(images, rows, placement)
        return batch if gains is None else shift_hsv(batch, gains, batch)
    batch = torch.empty(len(rows), *images.shape[1:])
    for i, sample in enumerate(one_by_one(images, rows, placement)):
        if gains is None:
            batch[i] = sample
        else:
            shift_hsv(sample[None], gains[i : i + 1], batch[i : i + 1])
    return batch


def one_by_one(images: Tensor, rows: Tensor, placement: Placement) -> Iterator[Tensor]:
    """The samples before their colours change; arguments as in `render`.

    Each tile is resampled from the pixels that are seen to the part of the input that shows them: a quarter of the work
    of `together`, in as many small steps as there are tiles, and within the processor's cache: for the CPU.

    Yields:
        (3, S, S) float32 in [0, 1], the same memory each time.
    """
    places, corner = places_of(placement), placement.corner
    whole = places.floor().to(torch.int64)
    first_shown, after_shown = placement.shown()
    low = torch.maximum(first_shown, whole.amin(2)[:, None] - corner)
    high = torch.minimum(after_shown, whole.amax(2)[:, None] + 2 - corner)
    first = whole[:, None] - corner[..., None]  # (B, T, 2, S), pixel of the tile at or before each place
    shown = (first >= first_shown[..., None] - 1) & (first < after_shown[..., None])
    start = shown.to(torch.uint8).argmax(3)
    grids = _normalised(places[:, None] - (corner + low)[..., None], (high - low)[..., None])
    spans = torch.cat([rows[..., None], low, high, start, start + shown.sum(3)], dim=2).tolist()
    sample = torch.empty(images.shape[1:])
    for i, tiles in enumerate(spans):
        sample.fill_(GREY / 255)
        for tile, (row, x_low, y_low, x_high, y_high, left, top, right, bottom) in enumerate(tiles):
            if x_low < x_high and y_low < y_high:
                difference = images[row : row + 1, :, y_low:y_high, x_low:x_high].to(torch.float32).sub_(GREY)
                x, y = grids[i, tile, :1, left:right], grids[i, tile, 1:, top:bottom]
                sample[:, top:bottom, left:right].add_(_sampled(difference, x, y)[0], alpha=1 / 255)
        yield sample


def together(images: Tensor, rows: Tensor, placement: Placement) -> Tensor:
    """As `one_by_one`, all samples at once: the first tiles, the second ones …; nothing waits for the device."""
    side = images.shape[-1]
    places, shown = places_of(placement), placement.shown()
    position = torch.arange(side, device=images.device)
    batch = torch.full((len(rows), *images.shape[1:]), GREY / 255, device=images.device)
    for tile in range(rows.shape[1]):
        low, high, corner = (part[:, tile, :, None] for part in (*shown, placement.corner))
        x_seen, y_seen = ((position >= low) & (position < high)).unbind(1)
        x, y = _normalised(places - corner, side).unbind(1)
        difference = images[rows[:, tile]].to(torch.float32).sub_(GREY)
        difference.mul_(y_seen[:, None, :, None] & x_seen[:, None, None])
        batch.add_(_sampled(difference, x, y), alpha=1 / 255)
    return batch


def places_of(placement: Placement) -> Tensor:
    """(B, 2, S) float32: for each column and each row of the input, x or y on the canvas."""
    position = torch.arange(placement.side, device=placement.scale.device)
    y = position.expand(len(placement), -1)
    x = y if placement.flip is None else torch.where(placement.flip[:, None], placement.side - 1 - position, position)
    places = torch.stack([x, y], dim=1)
    return (places - placement.shift[:, :, None]) / placement.scale[:, None, None] + placement.pivot[:, :, None]


def _normalised(places: Tensor, size: int | Tensor) -> Tensor:
    """Pixels' coordinates as `grid_sample` counts them: the image's borders are at -1 and 1."""
    return (2 * places + 1) / size - 1


def _sampled(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Images (b, 3, height, width), 0 beyond their borders, at columns (b, w) and rows (b, h): (b, 3, h, w)."""
    grid = x.new_empty(len(x), 2, y.shape[1], x.shape[1])
    grid[:, 0] = x[:, None]
    grid[:, 1] = y[:, :, None]
    return F.grid_sample(images, grid.permute(0, 2, 3, 1), align_corners=False)
