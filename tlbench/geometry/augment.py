"""Random augmentation of a batch, on its device, as a function of (augmentation seed, epoch, sample index).

A sample's augmentation does not depend on the batch it is in. No step waits for the device: shapes never depend on
values, and nothing is copied from the host.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from tlbench.annotations.labels.config import LabelAugmentation
from tlbench.config import Normalisation
from tlbench.config.size import Size
from tlbench.geometry.colour import adjust_brightness, adjust_contrast, adjust_saturation
from tlbench.geometry.rand_augment import rand_augment
from tlbench.geometry.resized_crop import boxes, resized_crop
from tlbench.seeds import Draw, randint, uniform


def augment(
    images: Tensor,
    index: Tensor,
    config: LabelAugmentation,
    seed: int,
    epoch: int,
    size: Size,
    *,
    cropped: bool = False,
) -> Tensor:
    """Resized crop, crop within a padding, flip, RandAugment, brightness, contrast and saturation, in this order.

    It is that of torchvision's reference recipes. The resized crop comes first, so that it may as well be cut out of
    the file when that is decoded; the padding is in pixels of what it gives. RandAugment, which is defined on uint8,
    comes before what is computed in floating point.

    Args:
        images: (B, 3, H, W) uint8.
        index: (B,) int64 sample indices.
        config: Strengths; a zero or null leaves its step out. What mixes images is left to `tlbench.geometry.mixing`.
        seed: Augmentation seed.
        epoch: Epoch, ≥ 0.
        size: Height and width of the resized crop, pixels.
        cropped: Whether the images are resized crops already.

    Returns:
        (B, 3, *size) float32 in [0, 1] with a resized crop, (B, 3, H, W) without.
    """

    def factor(strength: float, draw: int) -> Tensor:
        return 1 + strength * (2 * uniform(seed, epoch, index, draw) - 1)

    if config.resized_crop is not None and not cropped:
        height, width = images.shape[-2:]
        images = resized_crop(images, boxes(config.resized_crop, height, width, seed, epoch, index), size)
    if config.crop_padding or config.flip:
        offsets = 2 * config.crop_padding + 1
        top = randint(offsets, seed, epoch, index, Draw.CROP_Y)
        left = randint(offsets, seed, epoch, index, Draw.CROP_X)
        images = crop_and_flip(
            images, config.crop_padding, top, left, uniform(seed, epoch, index, Draw.FLIP) < config.flip
        )
    if config.rand_augment is not None:
        images = rand_augment(images, index, config.rand_augment, seed, epoch)
    images = to_float(images)
    if config.brightness:
        images = adjust_brightness(images, factor(config.brightness, Draw.BRIGHTNESS))
    if config.contrast:
        images = adjust_contrast(images, factor(config.contrast, Draw.CONTRAST))
    if config.saturation:
        images = adjust_saturation(images, factor(config.saturation, Draw.SATURATION))
    return images


def to_float(images: Tensor) -> Tensor:
    """Uint8 in [0, 255] to float32 in [0, 1]."""
    return images.to(torch.float32).div_(255)


def crop_and_flip(images: Tensor, padding: int, top: Tensor, left: Tensor, flip: Tensor) -> Tensor:
    """Pad with zeros, crop to the old size, and flip some of the crops from left to right.

    Args:
        images: (B, 3, H, W), any type.
        padding: Pixels on each side, ≥ 0.
        top: (B,) int64, first row of the crop in the padded image, in [0, 2 · padding].
        left: (B,) int64, first column likewise.
        flip: (B,) bool.
    """
    height, width = images.shape[-2:]
    column = torch.arange(width, device=images.device)
    rows = top[:, None] + torch.arange(height, device=images.device)
    columns = left[:, None] + torch.where(flip[:, None], width - 1 - column, column)
    padded = F.pad(images, (padding,) * 4)
    pixels = rows[:, :, None] * padded.shape[-1] + columns[:, None, :]
    flat = pixels.flatten(1)[:, None].expand(-1, images.shape[1], -1)
    return padded.flatten(2).gather(2, flat).view(images.shape)


def resized(images: Tensor, size: Size) -> Tensor:
    """Bring a batch to the network's input size, bilinear and antialiased; arguments as in `prepare`.

    Returns:
        (B, 3, *size) float32 in [0, 1].
    """
    if images.dtype == torch.uint8:
        images = to_float(images)
    if images.shape[-2:] != size:
        images = F.interpolate(images, size=size, mode="bilinear", antialias=True)
    return images


def to_levels(images: Tensor) -> Tensor:
    """Float in [0, 1] to uint8, rounded: the inverse of `to_float`."""
    return (images * 255).round_().to(torch.uint8)


def prepare(images: Tensor, size: Size, normalisation: Normalisation, *, channels_last: bool = False) -> Tensor:
    """Bring a batch to the network's input: resize (bilinear, antialiased), then normalise.

    Args:
        images: (B, 3, H, W), uint8 or float32 in [0, 1].
        size: Height and width of the result, pixels.
        normalisation: Mean and standard deviation per channel, of values in [0, 1].
        channels_last: Whether the result's memory format is channels last.

    Returns:
        (B, 3, *size) float32.
    """
    images = resized(images, size)
    shift, scale = _affine(tuple(normalisation.mean), tuple(normalisation.std), images.device)
    images = torch.addcmul(shift, images, scale)
    return images.contiguous(memory_format=torch.channels_last) if channels_last else images


@cache
def _affine(mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """(x - mean) / std as shift + x · scale, each (1, 3, 1, 1); copied to a device once."""
    shift = [-m / s for m, s in zip(mean, std, strict=True)]
    scale = [1 / s for s in std]
    return tuple(torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (shift, scale))  # type: ignore[return-value]
