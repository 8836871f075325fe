"""What is drawn for a training image with instances: which images it shows, where, how large; where that places each.

A sample is a canvas, scaled and moved to the network's input. The canvas of a mosaic is twice as high and wide as the
input and shows four images that meet at a random point (Bochkovskiy et al. 2020, arXiv:2004.10934); that of any other
sample is the image itself. The canvas is never computed: only where each image's pixels end up in the input.

The geometry is that of ultralytics' `Mosaic` and `RandomPerspective` (8.4, without rotation, shear and perspective).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tlbench.config.size import Size
from tlbench.geometry.placement import Placement
from tlbench.seeds import Draw, randint, uniform, uniforms

if TYPE_CHECKING:
    from tlbench.annotations.instances.config import InstanceAugmentation

_OTHERS = (Draw.MOSAIC_OTHER_1, Draw.MOSAIC_OTHER_2, Draw.MOSAIC_OTHER_3)


@dataclass(frozen=True, eq=False)
class Draws:
    """What was drawn for B samples, each of up to T tiles: 4, or 1 where no sample is a mosaic.

    Args:
        tiles: (B, T) int64, positions in the data set of the images shown: top left, top right, bottom left, bottom
            right; the sample itself comes first. -1: none.
        centre: (B, 2) int64 x, y: where the four images of a mosaic meet, in pixels of its canvas.
        scale: (B,) float32, pixels of the input per pixel of the canvas.
        shift: (B, 2) float32 x, y: where the canvas' centre is in the input, pixels.
        flip: (B,) bool.
    """

    tiles: Tensor
    centre: Tensor
    scale: Tensor
    shift: Tensor
    flip: Tensor


def draw(
    config: InstanceAugmentation, images: int, size: Size, index: Tensor, seed: int, epoch: int, *, mosaic: bool
) -> Draws:
    """Draw for some samples, each as a function of (seed, epoch, its index).

    Args:
        config: Strengths and probabilities.
        images: Images in the data set, N.
        size: Height and width of the input, pixels.
        index: (B,) int64 sample indices, positions in the data set.
        seed: Augmentation seed.
        epoch: Epoch, ≥ 0.
        mosaic: Whether mosaics are made at all in this epoch. What is drawn otherwise does not depend on it.
    """

    def around(middle: float, radius: float, count: int, number: int) -> Tensor:
        return middle + radius * (2 * uniforms(count, seed, epoch, index, number) - 1)

    tiles = index[:, None]
    if mosaic and config.mosaic > 0:
        others = torch.stack([randint(images, seed, epoch, index, number) for number in _OTHERS], dim=1)
        mixed = uniform(seed, epoch, index, Draw.MOSAIC) < config.mosaic
        tiles = torch.cat([tiles, torch.where(mixed[:, None], others, -1)], dim=1)
    height, width = size
    centre = [
        side // 2 + randint(side, seed, epoch, index, number)
        for side, number in ((width, Draw.MOSAIC_CENTRE_X), (height, Draw.MOSAIC_CENTRE_Y))
    ]
    x, y = around(0.5, config.translate, 2, Draw.SHIFT).unbind(1)
    return Draws(
        tiles=tiles,
        centre=torch.stack(centre, dim=1),
        scale=around(1, config.scale, 1, Draw.SCALE)[:, 0],
        shift=torch.stack([width * x, height * y], dim=1),
        flip=uniform(seed, epoch, index, Draw.FLIP_WITH_BOXES) < config.flip,
    )


def lay_out(draws: Draws, inside: Tensor, sizes: Tensor, size: Size) -> Placement:
    """Place the tiles.

    A tile of a mosaic touches the centre with one corner and is cut at the canvas' border.

    Args:
        draws: What was drawn.
        inside: (B, T, 2) int64, height and width of the tiles; anything where there is none.
        sizes: (B, T, 2) int64, height and width of the tiles as they are in the data set; likewise.
        size: Height and width of the input, pixels.
    """
    used = draws.tiles >= 0
    mixed = used[:, -1] if used.shape[1] > 1 else torch.zeros_like(used[:, 0])
    extent = torch.where(used[:, :, None], inside.flip(2), 0)
    place = torch.arange(used.shape[1], device=inside.device)
    before = torch.stack([1 - place % 2, 1 - place // 2], dim=1)  # 1 left of the centre, above it; 0 beyond
    own_width, own_height = extent[:, 0].unbind(1)
    height, width = size
    canvas = torch.stack([torch.where(mixed, 2 * width, own_width), torch.where(mixed, 2 * height, own_height)], dim=1)
    return Placement(
        size=size,
        original=sizes.flip(2),
        extent=extent,
        corner=torch.where(mixed[:, None, None], draws.centre[:, None] - extent * before, 0),
        canvas=canvas,
        pivot=canvas / 2,
        scale=draws.scale,
        shift=draws.shift,
        flip=draws.flip,
    )
