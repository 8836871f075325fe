"""Images of any shape in the network's input: as large as fits, the rest is grey.

Images are stored in the top left corner of a rectangle (`tlbench.geometry.fits`); here they come into the middle of
one, pixel by pixel: evaluation and prediction alike. It is the input's; where images keep their own sizes it may be
larger, and is shown in tiles (`tlbench.geometry.tiles`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from tlbench.config.size import Size
from tlbench.geometry.fits import GREY
from tlbench.geometry.placement import Placement


def letterboxed(
    images: Tensor, rows: Tensor, inside: Tensor, sizes: Tensor, size: Size | None = None
) -> tuple[Tensor, Placement]:
    """A batch of images in the middle of the input, and where they lie in it.

    Args:
        images: (K, 3, h, w) uint8, images in their top left corners.
        rows: (B,) int64, which of the K.
        inside: (B, 2) int64, height and width of each image in there.
        sizes: (B, 2) int64, height and width of the images as they are in the data set.
        size: Height and width of the input, pixels; None: h and w.

    Returns:
        (B, 3, H, W) float32 in [0, 1], and the placement.
    """
    height, width = images.shape[-2:]
    placement = letterbox(inside, sizes, size or (height, width))
    return centred(images, rows, placement), placement


def letterbox(inside: Tensor, sizes: Tensor, size: Size) -> Placement:
    """Where images come into the middle; `inside` and `sizes` as in `letterboxed`."""
    extent = inside.flip(1)
    return Placement(
        size=size,
        original=sizes.flip(1)[:, None],
        extent=extent[:, None],
        corner=torch.zeros_like(extent)[:, None],
        canvas=extent,
        pivot=torch.zeros_like(extent, dtype=torch.float32),
        scale=torch.ones_like(extent[:, 0], dtype=torch.float32),
        shift=margins(extent, size).to(torch.float32),
    )


def margins(extent: Tensor, size: Size) -> Tensor:
    """Grey pixels to the left of centred images and above; an odd pixel goes below and to the right.

    Args:
        extent: (..., 2) int64, width and height of the images, no larger than the input.
        size: Height and width of the input.

    Returns:
        (..., 2) int64: left, top.
    """
    return torch.stack([(size[1] - extent[..., 0]) // 2, (size[0] - extent[..., 1]) // 2], dim=-1)


def centred(images: Tensor, rows: Tensor, placement: Placement) -> Tensor:
    """Copy images to where `letterbox` places them; waits for the device.

    Args:
        images: As in `letterboxed`.
        rows: Likewise.
        placement: Of `letterbox`.

    Returns:
        (B, 3, H, W) float32 in [0, 1].
    """
    spans = torch.cat([rows[:, None], placement.shift.to(torch.int64), placement.extent[:, 0]], dim=1).tolist()
    batch = torch.empty(len(rows), images.shape[1], *placement.size, device=images.device)
    for sample, (row, left, top, width, height) in zip(batch, spans, strict=True):
        sample.fill_(GREY / 255)
        sample[:, top : top + height, left : left + width].copy_(images[row, :, :height, :width]).div_(255)
    return batch
