"""What a corruption draws: for each pixel, as a function of (seed, corruption, sample index) alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tlbench import seeds


@dataclass(frozen=True, eq=False)
class Draws:
    """Random numbers of a batch's samples; they depend neither on the batch nor on the severity.

    Args:
        seed: ≥ 0.
        stream: Which corruption draws, ≥ 0.
        index: (B,) int64 sample indices.
    """

    seed: int
    stream: int
    index: Tensor

    def uniform(self, draw: int, *shape: int) -> Tensor:
        """(B, *shape) float32 in [0, 1).

        Args:
            draw: Which of the corruption's draws.
            shape: Of a sample's numbers; none: one number a sample.
        """
        start = seeds.bits(self.seed, self.stream, self.index, seeds.Draw.CORRUPTIONS + draw)
        counter = torch.arange(math.prod(shape), device=self.index.device)
        numbers = seeds.uniform(self.seed, self.stream, start[:, None] + counter, seeds.Draw.CORRUPTIONS + draw)
        return numbers.view(len(self.index), *shape)

    def normal(self, draw: int, *shape: int) -> Tensor:
        """(B, *shape) float32 of the standard normal distribution; arguments as in `uniform`."""
        centred = (2 * self.uniform(draw, *shape) - 1).add_(2.0**-24)  # exact, within (−1, 1)
        return torch.erfinv(centred).mul_(math.sqrt(2))
