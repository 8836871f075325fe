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
        images: (K, 3, h, w) uint8, images in their top left corners, the rest grey.
        rows: (B, T) int64, which of the K each tile is; anything where there is none.
        placement: Where they lie.
        gains: (B, 3) float32, as `shift_hsv` takes them; None: colours stay.

    Returns:
        (B, 3, H, W) float32 in [0, 1].
    """
    if images.device.type != "cpu":
        batch = together(images, rows, placement)
        return batch if gains is None else shift_hsv(batch, gains, batch)
    batch = torch.empty(len(rows), images.shape[1], *placement.size)
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
        (3, H, W) float32 in [0, 1], the same memory each time.
    """
    corner, first_shown, after_shown = (part.unbind(2) for part in (placement.corner, *placement.shown()))
    (across, x_grid), (down, y_grid) = map(_seen, places_of(placement), corner, first_shown, after_shown)
    spans = torch.cat([rows[..., None], across, down], dim=2).tolist()
    sample = torch.empty(images.shape[1], *placement.size)
    for i, tiles in enumerate(spans):
        sample.fill_(GREY / 255)
        for tile, (row, x_low, x_high, left, right, y_low, y_high, top, bottom) in enumerate(tiles):
            if x_low < x_high and y_low < y_high:
                difference = images[row : row + 1, :, y_low:y_high, x_low:x_high].to(torch.float32).sub_(GREY)
                x, y = x_grid[i, tile : tile + 1, left:right], y_grid[i, tile : tile + 1, top:bottom]
                sample[:, top:bottom, left:right].add_(_sampled(difference, x, y)[0], alpha=1 / 255)
        yield sample


def _seen(places: Tensor, corner: Tensor, first_shown: Tensor, after_shown: Tensor) -> tuple[Tensor, Tensor]:
    """Of columns or of rows: which pixels of each tile are seen, and which part of the input shows them.

    Args:
        places: (B, N) float32, of each column or row of the input that on the canvas.
        corner: (B, T) int64, where each tile begins on the canvas.
        first_shown: (B, T) int64, the first pixel of each tile on the canvas.
        after_shown: (B, T) int64, that after the last.

    Returns:
        (B, T, 4) int64: first pixel of the tile and that after the last, first place in the input and that after the
        last; and (B, T, N) float32, where each column or row of the input is among these pixels, for `grid_sample`.
    """
    whole = places.floor().to(torch.int64)
    low = torch.maximum(first_shown, whole.amin(1)[:, None] - corner)
    high = torch.minimum(after_shown, whole.amax(1)[:, None] + 2 - corner)
    first = whole[:, None] - corner[..., None]  # (B, T, N), pixel of the tile at or before each place
    shown = (first >= first_shown[..., None] - 1) & (first < after_shown[..., None])
    start = shown.to(torch.uint8).argmax(2)
    grid = _normalised(places[:, None] - (corner + low)[..., None], (high - low)[..., None])
    return torch.stack([low, high, start, start + shown.sum(2)], dim=2), grid


def together(images: Tensor, rows: Tensor, placement: Placement) -> Tensor:
    """As `one_by_one`, all samples at once: the first tiles, the second ones …; nothing waits for the device."""
    height, width = images.shape[-2:]
    column, line = (torch.arange(side, device=images.device) for side in (width, height))
    x_places, y_places = places_of(placement)
    first_shown, after_shown = placement.shown()
    batch = torch.full((len(rows), images.shape[1], *placement.size), GREY / 255, device=images.device)
    for tile in range(rows.shape[1]):
        (x_low, y_low), (x_high, y_high), (x_corner, y_corner) = (
            part[:, tile, :, None].unbind(1) for part in (first_shown, after_shown, placement.corner)
        )
        x_seen, y_seen = (column >= x_low) & (column < x_high), (line >= y_low) & (line < y_high)
        x, y = _normalised(x_places - x_corner, width), _normalised(y_places - y_corner, height)
        difference = images[rows[:, tile]].to(torch.float32).sub_(GREY)
        difference.mul_(y_seen[:, None, :, None] & x_seen[:, None, None])
        batch.add_(_sampled(difference, x, y), alpha=1 / 255)
    return batch


def places_of(placement: Placement) -> tuple[Tensor, Tensor]:
    """(B, W) and (B, H) float32: for each column of the input x on the canvas, for each row y."""
    height, width = placement.size
    x, y = (torch.arange(side, device=placement.scale.device).expand(len(placement), -1) for side in (width, height))
    if placement.flip is not None:
        x = torch.where(placement.flip[:, None], width - 1 - x, x)
    x_on_canvas, y_on_canvas = (
        (each - placement.shift[:, axis, None]) / placement.scale[:, None] + placement.pivot[:, axis, None]
        for axis, each in enumerate((x, y))
    )
    return x_on_canvas, y_on_canvas


def _normalised(places: Tensor, size: int | Tensor) -> Tensor:
    """Pixels' coordinates as `grid_sample` counts them: the image's borders are at -1 and 1."""
    return (2 * places + 1) / size - 1


def _sampled(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Images (b, 3, height, width), 0 beyond their borders, at columns (b, w) and rows (b, h): (b, 3, h, w)."""
    grid = x.new_empty(len(x), 2, y.shape[1], x.shape[1])
    grid[:, 0] = x[:, None]
    grid[:, 1] = y[:, :, None]
    return F.grid_sample(images, grid.permute(0, 2, 3, 1), align_corners=False)
