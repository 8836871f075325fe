"""Blurs: out of focus, through frosted glass, by motion, by zooming."""

from __future__ import annotations

import torch
from torch import Tensor

from tlbench.robustness import severities
from tlbench.robustness.draws import Draws
from tlbench.robustness.filters import blur, disk, enlarge, gaussian_blur, trace_blur


def defocus_blur(images: Tensor, _draws: Draws, severity: int) -> Tensor:
    """Blur by a disk; arguments as in `corruptions.Corruption`."""
    return blur(images, disk(*severities.DEFOCUS_BLUR.at(severity, images)))


def glass_blur(images: Tensor, draws: Draws, severity: int) -> Tensor:
    """Blur, let each pixel take the value of one near it, once or several times, and blur again."""
    sigma, reach, times = severities.GLASS_BLUR.at(severity, images)
    height, width = images.shape[-2:]
    out = gaussian_blur(images, sigma)
    rows, columns = (torch.arange(side, device=images.device) for side in (height, width))
    for time in range(times):
        chance = draws.uniform(time, 2, height, width)
        down, right = (chance * (2 * reach)).long().sub_(reach).unbind(1)  # −reach … reach − 1, as published
        pixels = (rows[:, None] + down).clamp_(0, height - 1) * width + (columns + right).clamp_(0, width - 1)
        out = out.flatten(2).gather(2, pixels.flatten(1)[:, None].expand(-1, out.shape[1], -1)).view_as(images)
    return gaussian_blur(out, sigma)


def motion_blur(images: Tensor, draws: Draws, severity: int) -> Tensor:
    """Blur along a line that lies at most 45° from the horizontal."""
    radius, sigma = severities.MOTION_BLUR.at(severity, images)
    return trace_blur(images, radius, sigma, 90 * draws.uniform(0) - 45)


def zoom_blur(images: Tensor, _draws: Draws, severity: int) -> Tensor:
    """The mean of the image and of ever larger enlargements of it."""
    largest, step = severities.ZOOM_BLUR.at(severity, images)
    steps = round(largest / step)
    factors = [1 + largest * k / steps for k in range(steps + 1)]
    total = images.clone()
    for factor in factors:
        total += enlarge(images, factor)
    return total / (len(factors) + 1)
