"""The common corruptions of Hendrycks and Dietterich 2019 (ICLR, arXiv:1903.12261), drawn with torch alone.

The authors' programs and the package `imagecorruptions` draw from running generator state and need libraries in old
versions. These are written anew, so that an image's corruption is a function of (seed, sample index) whatever the
batch, and a severity changes the strength and nothing else. Figures are therefore not comparable with published ones
on CIFAR-10-C or ImageNet-C; see `DIFFERENCES`. As there, what is corrupted is the image as the network sees it: of its
input's size, in 8 bits, not yet normalised. How strong is a matter of that size; see `severities`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from tlbench.robustness import blurs, digital, noise, weather
from tlbench.robustness.draws import Draws
from tlbench.robustness.severities import SEVERITIES

Corruption = Callable[[Tensor, Draws, int], Tensor]
"""Images (B, 3, H, W) float32 in [0, 1], what it draws, severity 1–5 → images, clamped to [0, 1] by the caller."""

_FUNCTIONS: Mapping[str, Corruption] = MappingProxyType(
    {
        "gaussian_noise": noise.gaussian_noise,
        "shot_noise": noise.shot_noise,
        "impulse_noise": noise.impulse_noise,
        "defocus_blur": blurs.defocus_blur,
        "glass_blur": blurs.glass_blur,
        "motion_blur": blurs.motion_blur,
        "zoom_blur": blurs.zoom_blur,
        "snow": weather.snow,
        "procedural_frost": weather.procedural_frost,
        "fog": weather.fog,
        "brightness": weather.brightness,
        "contrast": digital.contrast,
        "elastic_transform": digital.elastic_transform,
        "pixelate": digital.pixelate,
        "jpeg_compression": digital.jpeg_compression,
    }
)

COMMON = tuple(_FUNCTIONS)
"""The suite, in the order of the paper."""

VERSION = 2
"""Raised whenever the suite gives other images, so that results of two versions are never averaged.

1 corrupted the stored pixels, before they were brought to the network's input size, with CIFAR-10-C's numbers up to 64
pixels a side and ImageNet-C's above.
"""

DIFFERENCES = (
    "not comparable with published figures on CIFAR-10-C or ImageNet-C: all corruptions are drawn anew; "
    "procedural_frost blends with a drawn pattern, not with photographs; the levels of glass_blur are ordered by the "
    "damage they do, and those of elastic_transform are tlbench's own"
)

_VALUES_AT_ONCE = 1 << 22
"""About how many pixel values are worked on together; bounds the memory, and changes nothing else."""


def corrupt(images: Tensor, index: Tensor, name: str, severity: int, seed: int) -> Tensor:
    """Corrupt a batch; a sample's draws are a function of (seed, name, sample index), the same at all severities.

    Args:
        images: (B, 3, H, W) uint8, RGB, of the network's input size, on any device.
        index: (B,) int64 sample indices, on the same device.
        name: One of `COMMON`.
        severity: 1–5.
        seed: ≥ 0.

    Returns:
        (B, 3, H, W) uint8. On the CPU the same bits in every batch; another device may round differently.
    """
    if severity not in SEVERITIES:
        raise ValueError(f"severity {severity} is not in 1–5")
    stream = COMMON.index(name)
    chunk = max(1, _VALUES_AT_ONCE // max(1, images[:1].numel()))
    out = torch.empty_like(images)
    for begin in range(0, len(images), chunk):
        part = slice(begin, begin + chunk)
        values = images[part].to(torch.float32) / 255
        values = _FUNCTIONS[name](values, Draws(seed, stream, index[part]), severity)
        out[part] = values.clamp_(0, 1).mul_(255).round_().to(torch.uint8)
    return out
