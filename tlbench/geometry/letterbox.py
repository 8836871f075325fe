"""Images of any shape in the network's square input: the long side fills it, the rest is grey.

Images are stored in the top left corner of a square (`tlbench.data.decode`); here they come into its middle.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tlbench.data.decode import GREY


def margins(inside: Tensor, side: int) -> Tensor:
    """Grey pixels above and to the left of centred images; an odd pixel goes below and to the right.

    Args:
        inside: (..., 2) int64, height and width of the images, ≤ `side`.
        side: Height and width of the input.

    Returns:
        (..., 2) int64: top, left.
    """
    return (side - inside) // 2


def centred(images: Tensor, rows: Tensor, inside: Tensor) -> Tensor:
    """Move images from the top left corner to the centre.

    Args:
        images: (K, 3, S, S) uint8, images in their top left corners.
        rows: (B,) int64, which of the K.
        inside: (B, 2) int64, height and width of each image in there.

    Returns:
        (B, 3, S, S) float32 in [0, 1].
    """
    side = images.shape[-1]
    spans = torch.cat([rows[:, None], margins(inside, side), inside], dim=1).tolist()
    batch = torch.empty(len(rows), *images.shape[1:], device=images.device)
    for sample, (row, top, left, height, width) in zip(batch, spans, strict=True):
        sample.fill_(GREY / 255)
        sample[:, top : top + height, left : left + width].copy_(images[row, :, :height, :width]).div_(255)
    return batch


def frames(inside: Tensor, sizes: Tensor, side: int) -> Tensor:
    """How pixels of the original image become pixels of the input: `BoxTargets.frames`.

    Args:
        inside: (B, 2) int64, height and width of the resized images.
        sizes: (B, 2) int64, height and width of the originals.
        side: Height and width of the input.

    Returns:
        (B, 4) float32: factors across and down, left, top.
    """
    return torch.cat([(inside / sizes).flip(1), margins(inside, side).flip(1)], dim=1).to(torch.float32)
