"""Images of any shape in the network's square input: the long side fills it, the rest is grey.

Images are stored in the top left corner of a square (`tlbench.data.decode`); here they come into its middle.
"""

from __future__ import annotations

import torch
from torch import Tensor


def margins(inside: Tensor, side: int) -> Tensor:
    """Grey pixels above and to the left of centred images; an odd pixel goes below and to the right.

    Args:
        inside: (..., 2) int64, height and width of the images, ≤ `side`.
        side: Height and width of the input.

    Returns:
        (..., 2) int64: top, left.
    """
    return (side - inside) // 2


def centred(images: Tensor, inside: Tensor) -> Tensor:
    """Move images from the top left corner to the centre.

    Args:
        images: (B, 3, S, S), any type; grey outside of `inside`, which is what ends up on the other two sides.
        inside: (B, 2) int64, height and width of each image's part.

    Returns:
        (B, 3, S, S) of the images' type.
    """
    side = images.shape[-1]
    places = (torch.arange(side, device=images.device) - margins(inside, side)[:, :, None]) % side
    rows, columns = places[:, 0], places[:, 1]
    pixels = rows[:, :, None] * side + columns[:, None, :]
    flat = pixels.flatten(1)[:, None].expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, flat).view(images.shape)


def frames(inside: Tensor, sizes: Tensor, side: int) -> Tensor:
    """How pixels of the original image become pixels of the input: `BoxTargets.frames`.

    Args:
        inside: (B, 2) int64, height and width of the resized images.
        sizes: (B, 2) int64, height and width of the originals.
        side: Height and width of the input.

    Returns:
        (B, 3) float32: factor, left, top. The factor is the long side's; the short side's differs from it by the
        fraction of a pixel that `inside_size` rounds up.
    """
    factor = inside.amax(1) / sizes.amax(1)
    return torch.cat([factor[:, None], margins(inside, side).flip(1)], dim=1).to(torch.float32)
