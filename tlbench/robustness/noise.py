"""Noise: of the amplifier, of few photons, of broken pixels."""

from __future__ import annotations

from functools import cache

import torch
from scipy.stats import poisson
from torch import Tensor

from tlbench.robustness import severities
from tlbench.robustness.draws import Draws


def gaussian_noise(images: Tensor, draws: Draws, severity: int) -> Tensor:
    """Normal noise on each value; arguments as in `corruptions.Corruption`."""
    return images + severities.GAUSSIAN_NOISE.at(severity, images) * draws.normal(0, *images.shape[1:])


def shot_noise(images: Tensor, draws: Draws, severity: int) -> Tensor:
    """Poisson noise: each value is a count of photons, whose mean is the value times a number at full brightness."""
    photons = severities.SHOT_NOISE.at(severity, images)
    table = _poisson_cdf(photons).to(images.device)
    size = table.shape[1]
    row = (images * 255).round_().long() * size
    chance = draws.uniform(0, *images.shape[1:])
    # The count is how many entries of the value's row lie at or below the chance: found by halving, as they rise.
    count = torch.zeros_like(row)
    step = size // 2
    while step:
        count += step * (table.flatten()[row + count + step - 1] <= chance)
        step //= 2
    return count / photons


def impulse_noise(images: Tensor, draws: Draws, severity: int) -> Tensor:
    """Some values become 0, as many others 1."""
    share = severities.IMPULSE_NOISE.at(severity, images)
    chance = draws.uniform(0, *images.shape[1:])
    return images.masked_fill(chance < share / 2, 0.0).masked_fill(chance >= 1 - share / 2, 1.0)


@cache
def _poisson_cdf(photons: float) -> Tensor:
    """(256, K) float32, K a power of two: P(count ≤ k) for each 8-bit value; above the last k it is 1 to 1e-9."""
    size = 1 << int(poisson.isf(1e-9, photons)).bit_length()
    means = torch.arange(256, dtype=torch.float64)[:, None] * (photons / 255)
    return torch.from_numpy(poisson.cdf(torch.arange(size).numpy(), means.numpy())).float()
