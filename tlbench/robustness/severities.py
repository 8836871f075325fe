"""How strong each corruption is at severities 1–5, at the size in pixels at which a network sees its images.

Source of the numbers: Hendrycks and Dietterich 2019, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations" (ICLR, arXiv:1903.12261), as set in the authors' programs (github.com/hendrycks/robustness, folder
`ImageNet-C/create_c`): `make_cifar_c.py` (CIFAR-10-C, 32 pixels) and `make_imagenet_c.py` (ImageNet-C, 224 pixels). An
image of 32 pixels takes the former, one of 224 the latter, and one between them, parameter by parameter, what lies on
the line between both over the logarithm of its longest side; what is a whole number in both is rounded to one. Smaller
and larger images take the numbers of the nearer end, lengths in pixels not scaled: nothing published says how they go
on, and the line would soon leave what a parameter can be. (The authors' own numbers for 64 and 299 pixels, set by hand,
are not used.)

What differs from the published numbers is said where it stands; the aim of it is that no severity changes an image less
(by PSNR) than the one before. Lengths are pixels, brightnesses of [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from torch import Tensor

SEVERITIES = (1, 2, 3, 4, 5)

SMALL_SIDE = 32
"""Side, pixels, of images that take CIFAR-10-C's numbers."""

LARGE_SIDE = 224
"""Side, pixels, of images that take ImageNet-C's numbers."""

T = TypeVar("T", bound="float | tuple[float, ...]")


@dataclass(frozen=True)
class Levels(Generic[T]):
    """A corruption's parameters at the five severities, for images of `SMALL_SIDE` and of `LARGE_SIDE` pixels."""

    small: tuple[T, T, T, T, T]
    large: tuple[T, T, T, T, T]
    order: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """From which side on which levels, of 1–5, stand at severities 1–5; in order where nothing is said."""

    def at(self, severity: int, images: Tensor) -> T:
        """The parameters for images (…, H, W) at a severity of 1–5."""
        return self.at_side(severity, max(images.shape[-2:]))

    def at_side(self, severity: int, side: int) -> T:
        """The parameters for images whose longest side has so many pixels, ≥ 1, at a severity of 1–5."""
        share = math.log(side / SMALL_SIDE) / math.log(LARGE_SIDE / SMALL_SIDE)
        ordered = self.order.get(max((begin for begin in self.order if begin <= side), default=0), SEVERITIES)
        level = ordered[severity - 1] - 1
        return _between(self.small[level], self.large[level], min(max(share, 0.0), 1.0))


def _between(a: T, b: T, share: float) -> T:
    """On the line from a to b; both ends exactly."""
    if isinstance(a, tuple):
        assert isinstance(b, tuple)
        return cast("T", tuple(_between(x, y, share) for x, y in zip(a, b, strict=True)))
    assert not isinstance(b, tuple)
    value = a if a == b else (1 - share) * a + share * b
    return cast("T", round(value) if isinstance(a, int) and isinstance(b, int) else value)


GAUSSIAN_NOISE = Levels((0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38))
"""Standard deviation."""

SHOT_NOISE = Levels((500.0, 250.0, 100.0, 75.0, 50.0), (60.0, 25.0, 12.0, 5.0, 3.0))
"""Photons at full brightness."""

IMPULSE_NOISE = Levels((0.01, 0.02, 0.03, 0.05, 0.07), (0.03, 0.06, 0.09, 0.17, 0.27))
"""Share of values replaced."""

DEFOCUS_BLUR = Levels(
    ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1)),
    ((3.0, 0.1), (4.0, 0.5), (6.0, 0.5), (8.0, 0.5), (10.0, 0.5)),
)
"""Radius of the disk; standard deviation of the blur of its edge."""

GLASS_BLUR = Levels(
    ((0.4, 1, 1), (0.25, 1, 1), (0.05, 1, 1), (0.4, 1, 2), (0.25, 1, 2)),
    ((0.9, 2, 1), (0.7, 1, 2), (1.1, 3, 2), (1.0, 2, 3), (1.5, 4, 2)),
    {
        54: (1, 2, 4, 5, 3),
        64: (1, 2, 4, 3, 5),
        72: SEVERITIES,
        86: (1, 2, 3, 5, 4),
        138: (1, 2, 5, 3, 4),
        152: (1, 2, 3, 5, 4),
        162: SEVERITIES,
    },
)
"""Standard deviation of the blur before and after; farthest displacement; how often pixels are displaced.

The published levels in order of damage: 3, 2, 1, 5, 4 for small images, 2, 1, 4, 3, 5 for large ones; their mean
is what it was. Between them, where displacements are rounded, the order was measured on photographs.
"""

MOTION_BLUR = Levels(
    ((6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5)),
    ((10, 3.0), (15, 5.0), (15, 8.0), (15, 12.0), (20, 15.0)),
)
"""Half the length of the trace; standard deviation of its fading. Small images: 3 and 4 are the same to 1e-9."""

ZOOM_BLUR = Levels(
    ((0.05, 0.01), (0.10, 0.01), (0.15, 0.01), (0.20, 0.01), (0.25, 0.01)),
    ((0.10, 0.01), (0.15, 0.01), (0.20, 0.02), (0.24, 0.02), (0.30, 0.03)),
)
"""Largest enlargement less 1; about the step from one enlargement to the next, of which there are a whole number.

As the authors wrote them; rounding in `np.arange` gives their programs one enlargement more at three levels.
"""

SNOW = Levels(
    (
        (0.1, 0.2, 1.0, 0.6, 8, 3.0, 0.95),
        (0.1, 0.2, 1.0, 0.5, 10, 4.0, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4.0, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6.0, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12.0, 0.8),
    ),
    (
        (0.1, 0.3, 3.0, 0.5, 10, 4.0, 0.8),
        (0.2, 0.3, 2.0, 0.5, 12, 4.0, 0.7),
        (0.55, 0.3, 4.0, 0.9, 12, 8.0, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8.0, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12.0, 0.55),
    ),
)
"""Flakes' mean and standard deviation, enlargement, threshold, half length and fading of their trace; image's share."""

FROST = Levels(
    ((1.0, 0.2), (1.0, 0.3), (0.95, 0.4), (0.9, 0.5), (0.85, 0.6)),
    ((1.0, 0.4), (0.85, 0.6), (0.75, 0.75), (0.65, 0.85), (0.55, 1.0)),
)
"""Shares of the image and of the frost; our own, as the frost is our own."""

FOG = Levels(
    ((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75)),
    ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4)),
)
"""Brightest fog; square root of how much weaker its detail is at half the size."""

BRIGHTNESS = Levels((0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5))
"""Added to HSV's value."""

CONTRAST = Levels((0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05))
"""What is left of the contrast."""

ELASTIC_TRANSFORM = Levels(
    ((0.02, 0.03, 0.01), (0.04, 0.03, 0.02), (0.06, 0.03, 0.03), (0.08, 0.03, 0.04), (0.1, 0.03, 0.05)),
    ((0.03, 0.01, 0.01), (0.05, 0.01, 0.02), (0.07, 0.01, 0.03), (0.09, 0.01, 0.04), (0.12, 0.01, 0.05)),
)
"""Strength and standard deviation of local displacements, largest displacement of the whole; shares of the side.

Our own: the published levels change from distorting the whole to shaking each pixel, so that the image differs least at
the highest. The strongest local displacement is the published one.
"""

PIXELATE = Levels((0.95, 0.9, 0.85, 0.75, 0.65), (0.6, 0.5, 0.4, 0.3, 0.25))
"""Share of the side's pixels that are left."""

JPEG_COMPRESSION = Levels((80, 65, 58, 50, 40), (25, 18, 15, 10, 7))
"""Quality."""
