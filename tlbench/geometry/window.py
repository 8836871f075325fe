"""What is drawn for a training image with a class map: how large it is, and which part of it the input shows.

An image fills the input as in evaluation, times a factor. Where it is then larger than the input, this is a window in
it, anywhere; where it is smaller, it lies anywhere in the input. This is the scale jitter with random crops of the
field's recipes (DeepLab, Chen et al. 2017, arXiv:1706.05587), in one interpolation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from tlbench.config.size import Size
from tlbench.geometry.placement import Placement
from tlbench.seeds import Draw, uniform, uniforms


class Wanted(Protocol):
    """What decides over a window."""

    @property
    def scale(self) -> list[float]:
        """Least and largest factor."""

    @property
    def flip(self) -> float:
        """Probability that left and right are exchanged."""


Focus = Callable[[], tuple[Tensor, Tensor]]
"""(B, 2) float32 x, y in pixels of the stored images, and (B,) bool, whose windows show that place."""


def draw_window(
    config: Wanted,
    inside: Tensor,
    sizes: Tensor,
    size: Size,
    index: Tensor,
    seed: int,
    epoch: int,
    focus: Focus | None = None,
) -> Placement:
    """Draw for some samples, each as a function of (seed, epoch, its index).

    Args:
        config: Strengths.
        inside: (B, 2) int64, height and width of the images as they are stored.
        sizes: (B, 2) int64, height and width of the images as they are in the data set.
        size: Height and width of the input, pixels.
        index: (B,) int64 sample indices.
        seed: Augmentation seed.
        epoch: Epoch, ≥ 0.
        focus: Gives places that windows are to show: such a window is drawn around its place, as far as the image
            reaches; None: none is.
    """
    low, high = (math.log(end) for end in config.scale)
    scale = (low + (high - low) * uniform(seed, epoch, index, Draw.SCALE)).exp()
    extent = inside.flip(1)
    side = torch.stack([torch.full_like(scale, float(size[axis])) for axis in (1, 0)], dim=1)  # nothing is copied
    filled = scale[:, None] * extent
    free = (filled - side).abs() / 2
    offset = free * (2 * uniforms(2, seed, epoch, index, Draw.SHIFT) - 1)
    if focus is not None:
        place, wanted = focus()
        # the place comes into the middle half of the input, unless the image ends before
        aside = side / 4 * (2 * uniforms(2, seed, epoch, index, Draw.FOCUS_SHIFT) - 1)
        there = torch.minimum((extent / 2 - place) * scale[:, None] + aside, free).maximum(-free)
        offset = torch.where(wanted[:, None] & (filled > side), there, offset)
    return Placement(
        size=size,
        original=sizes.flip(1)[:, None],
        extent=extent[:, None],
        corner=torch.zeros_like(extent)[:, None],
        canvas=extent,
        pivot=extent / 2,
        scale=scale,
        shift=side / 2 + offset,
        flip=uniform(seed, epoch, index, Draw.FLIP_WITH_BOXES) < config.flip,
    )
