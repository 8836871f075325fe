"""Weather: snow, frost, fog, sunshine."""

from __future__ import annotations

import torch
from torch import Tensor

from tlbench.robustness import severities
from tlbench.robustness.draws import Draws
from tlbench.robustness.filters import enlarge, plasma, trace_blur

_LUMA = (0.299, 0.587, 0.114)
_ICE = (0.86, 0.95, 1.0)
"""Colour of frost, RGB."""


def snow(images: Tensor, draws: Draws, severity: int) -> Tensor:
    """Whiten the image and add falling flakes; arguments as in `corruptions.Corruption`."""
    mean, deviation, size, threshold, radius, sigma, share = severities.SNOW.at(severity, images)
    flakes = enlarge(mean + deviation * draws.normal(0, 1, *images.shape[-2:]), size)
    flakes = flakes.masked_fill(flakes < threshold, 0.0).clamp_(0, 1)
    flakes = trace_blur(flakes, radius, sigma, -135 + 90 * draws.uniform(1))
    red, green, blue = images[:, 0:1], images[:, 1:2], images[:, 2:3]
    grey = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    white = share * images + (1 - share) * torch.maximum(images, grey * 1.5 + 0.5)
    return white + flakes + flakes.flip((2, 3))


def procedural_frost(images: Tensor, draws: Draws, severity: int) -> Tensor:
    """Blend the image with a drawn pattern of ice needles on a cloudy pane.

    The published corruption blends with crops of photographs, which are not ours to ship.
    """
    of_image, of_frost = severities.FROST.at(severity, images)
    height, width = images.shape[-2:]
    length = max(2, min(height, width) // 7)
    seeds = (draws.uniform(0, 1, height, width) < 0.05 / length).to(images.dtype)
    first = 360 * draws.uniform(1)
    crystals = seeds
    for turn in range(0, 360, 60):
        needles = trace_blur(seeds, length // 2, length / 2, first + turn)
        crystals = torch.maximum(crystals, needles / needles.amax((1, 2, 3), keepdim=True).clamp(min=1e-6))
    pane = plasma(draws, 2, height, width, 1.6)
    frost = (0.15 + 0.5 * pane + 0.6 * crystals).clamp_(max=1)
    colour = torch.tensor(_ICE, device=images.device).view(1, 3, 1, 1)
    return of_image * images + of_frost * frost * colour


def fog(images: Tensor, draws: Draws, severity: int) -> Tensor:
    """Add a fractal cloud, and darken the result so that what was brightest stays as bright."""
    strength, decay = severities.FOG.at(severity, images)
    height, width = images.shape[-2:]
    cloud = plasma(draws, 0, height, width, decay)
    brightest = images.amax((1, 2, 3), keepdim=True)
    return (images + strength * cloud) * (brightest / (brightest + strength))


def brightness(images: Tensor, _draws: Draws, severity: int) -> Tensor:
    """Raise HSV's value, hue and saturation unchanged: scales a pixel's colour, and makes black grey."""
    value = images.amax(dim=1, keepdim=True)
    brighter = (value + severities.BRIGHTNESS.at(severity, images)).clamp_(max=1)
    return torch.where(value > 0, images * (brighter / value.clamp(min=1 / 255)), brighter)
