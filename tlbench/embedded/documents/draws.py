"""Random draws for the drawing of pages: short names over numpy's generator.

A page has a generator of its own, seeded from (seed, index), and its parts draw from it in a fixed order. Nothing
outside the page can move that order, so a page is a function of (seed, index, side) although the generator has a
running state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

Array: TypeAlias = npt.NDArray[Any]
Colour: TypeAlias = tuple[float, float, float]
Option = TypeVar("Option")


class Draws:
    """The random numbers of one page."""

    def __init__(self, seed: int, index: int) -> None:
        self.generator = np.random.default_rng([seed, index])

    def chance(self, probability: float) -> bool:
        """Say yes with this probability."""
        return bool(self.generator.random() < probability)

    def between(self, low: float, high: float) -> float:
        """A number in [low, high), all equally likely."""
        return low + (high - low) * float(self.generator.random())

    def spread(self, low: float, high: float) -> float:
        """A number in [low, high), its logarithm uniform: as often in [1, 2) as in [2, 4)."""
        return float(np.exp(self.between(float(np.log(low)), float(np.log(high)))))

    def count(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.generator.random() * (high - low + 1))

    def pick(self, options: Sequence[Option], weights: Sequence[float] | None = None) -> Option:
        """One of the options, as likely as its weight says."""
        if weights is None:
            return options[int(self.generator.random() * len(options))]
        place = float(self.generator.random()) * sum(weights)
        for option, weight in zip(options, weights, strict=True):
            place -= weight
            if place < 0:
                return option
        return options[-1]

    def uniform(self, low: float, high: float, shape: int | tuple[int, ...]) -> Array:
        """An array of numbers in [low, high), float32."""
        return np.asarray(low + (high - low) * self.generator.random(shape, dtype=np.float32), dtype=np.float32)

    def normal(self, shape: int | tuple[int, ...]) -> Array:
        """An array of normal numbers of variance 1, float32."""
        return np.asarray(self.generator.standard_normal(shape, dtype=np.float32))

    def near(self, colour: Colour, amount: float) -> Colour:
        """A colour at most `amount` (of 255) from this one in each channel."""
        r, g, b = (min(255.0, max(0.0, c + self.between(-amount, amount))) for c in colour)
        return r, g, b

    def clouds(self, height: int, width: int, cells: int) -> Array:
        """(height, width) float32 in about [−1, 1]: smooth noise of about `cells` bumps a side."""
        return enlarge(self.uniform(-1, 1, (cells + 1, cells + 1)), height, width)


def enlarge(field: Array, height: int, width: int) -> Array:
    """(height, width) float32: a coarse (h, w) field, interpolated bicubically."""
    image = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
