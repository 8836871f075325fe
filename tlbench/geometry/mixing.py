"""MixUp and CutMix: training images that are mixtures of two, with soft targets.

A sample's partner is the one before it in its process's share of the batch, so a mixture depends on the order of the
samples, the batch size and the number of processes; how much of each it holds depends on the sample alone. As in
`tlbench.geometry.augment`, no step waits for the device.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from tlbench.annotations.labels.config import LabelAugmentation
from tlbench.seeds import Draw, uniforms

_QUANTILES = 4096


def mix(
    images: Tensor, labels: Tensor, index: Tensor, config: LabelAugmentation, classes: int, seed: int, epoch: int
) -> tuple[Tensor, Tensor]:
    """Mix each image of a batch with the one before it (the first with the last).

    MixUp (Zhang et al. 2018, arXiv:1710.09412) takes λ · image + (1 − λ) · partner; CutMix (Yun et al. 2019,
    arXiv:1905.04899) puts a box of the partner, of area 1 − λ before it is clipped at the border, into the image and
    corrects λ by the box's true area. λ is drawn for each sample from Beta(alpha, alpha). With both, each sample takes
    one of them, with probability ½.

    Args:
        images: (B, 3, H, W) float32, augmented; normalised or not, as mixing is linear.
        labels: (B,) int64 in [0, classes).
        index: (B,) int64 sample indices.
        config: `mixup` and `cutmix` are the two alphas, one of them > 0.
        classes: C.
        seed: Augmentation seed.
        epoch: Epoch, ≥ 0.

    Returns:
        Images in the memory format given, and targets (B, C) float32 that sum to 1.
    """
    which, level, row, column = uniforms(4, seed, epoch, index, Draw.MIXING).unbind(1)
    height, width = images.shape[-2:]
    if config.mixup:
        share = _beta(config.mixup, level)
        own = share[:, None, None, None]
    if config.cutmix:
        side = (1 - _beta(config.cutmix, level)).sqrt()
        box = _near(row, side, height)[:, None, :, None] & _near(column, side, width)[:, None, None, :]
        outside = (~box).to(torch.float32)
        area = outside.mean(dim=(1, 2, 3))
        if config.mixup:
            cut = which < 0.5
            share = torch.where(cut, area, share)
            own = torch.where(cut[:, None, None, None], outside, own)
        else:
            share, own = area, outside
    hot = (labels[:, None] == torch.arange(classes, device=labels.device)).to(torch.float32)
    return torch.lerp(_before(images), images, own), torch.lerp(_before(hot), hot, share[:, None])


def _before(rows: Tensor) -> Tensor:
    """The row before each; unlike `torch.roll`, in the same memory format."""
    return torch.cat([rows[-1:], rows[:-1]])


def _near(place: Tensor, side: Tensor, pixels: int) -> Tensor:
    """(B, pixels) bool: which rows (or columns) a box covers, of the side (B,) in [0, 1] around a place in [0, 1)."""
    centre, half = (place * pixels).floor()[:, None], (side * (pixels / 2)).floor()[:, None]
    pixel = torch.arange(pixels, device=place.device)
    return (pixel >= centre - half) & (pixel < centre + half)


def _beta(alpha: float, level: Tensor) -> Tensor:
    """The quantile of Beta(alpha, alpha) at each level (B,) in [0, 1), from a table."""
    return _quantiles(alpha, level.device)[(level * _QUANTILES).long()]


@cache
def _quantiles(alpha: float, device: torch.device) -> Tensor:
    """(4096,) float32, at the middles of as many equal steps of probability; copied to a device once."""
    from scipy.special import betaincinv

    levels = (torch.arange(_QUANTILES, dtype=torch.float64) + 0.5) / _QUANTILES
    return torch.as_tensor(betaincinv(alpha, alpha, levels.numpy())).to(torch.float32).to(device)
