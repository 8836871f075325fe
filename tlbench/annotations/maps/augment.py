"""Batches of images with class maps, on their device: augmented for training, letterboxed for evaluation.

A training sample is a function of (augmentation seed, epoch, sample index), whatever batch it is in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tlbench.annotations.maps.class_maps import VOID, ClassMaps
from tlbench.annotations.maps.targets import MapTargets
from tlbench.config.size import Size
from tlbench.geometry.class_maps import place_maps
from tlbench.geometry.fits import at_least
from tlbench.geometry.hsv import draw_gains
from tlbench.geometry.letterbox import letterboxed
from tlbench.geometry.resample import render
from tlbench.geometry.window import Focus, draw_window
from tlbench.seeds import Draw, bits, uniforms

if TYPE_CHECKING:
    from tlbench.annotations.maps.config import MapAugmentation

_AT_ONCE = 2**22
"""Pixels of maps that are looked through together for rare classes."""


@torch.no_grad()
def training_maps(
    pixels: Tensor,
    maps: Tensor,
    rows: Tensor,
    of: ClassMaps,
    index: Tensor,
    augmentation: MapAugmentation,
    seed: int,
    epoch: int,
    rarity: Tensor,
    size: Size,
) -> tuple[Tensor, MapTargets]:
    """An augmented batch.

    Args:
        pixels: (K, 3, h, w) uint8, stored images in their top left corners.
        maps: (K, h, w) uint8, theirs, in the same pixels.
        rows: (B,) int64, which of the K each sample shows.
        of: Of the split, its sizes on the same device.
        index: (B,) int64, the samples' positions in the split, on the same device.
        augmentation: Strengths and probabilities.
        seed: Augmentation seed.
        epoch: Epoch, ≥ 0.
        rarity: (C,) float32, how much a class is wanted where windows show one.
        size: Height H and width W of the input, pixels; that of the stored images, unless these keep their own.

    Returns:
        (B, 3, H, W) float32 in [0, 1], and the maps.
    """
    focus: Focus | None = None
    if augmentation.rare > 0:

        def focus() -> tuple[Tensor, Tensor]:
            return _rare_pixels(maps[rows], index, augmentation.rare, seed, epoch, rarity)

    placement = draw_window(augmentation, of.inside[index], of.sizes[index], size, index, seed, epoch, focus)
    images = render(pixels, rows[:, None], placement, draw_gains(augmentation, index, seed, epoch))
    return images, MapTargets(place_maps(maps, rows[:, None], placement, VOID), placement)


@torch.no_grad()
def evaluation_maps(
    pixels: Tensor, rows: Tensor, of: ClassMaps, index: Tensor, least: Size
) -> tuple[Tensor, MapTargets]:
    """A batch as it is: each image in the middle of the input, grey around it; waits for the device.

    Args:
        pixels: As in `training_maps`.
        rows: Likewise.
        of: Likewise.
        index: Likewise.
        least: Height and width of the input, pixels. Where stored images keep their own sizes H and W are larger as
            far as one of the batch is.

    Returns:
        (B, 3, H, W) float32 in [0, 1], and the maps, also in the size that they have in the data set.
    """
    inside = of.inside[index]
    height, width = inside.amax(0).tolist()
    images, placement = letterboxed(pixels, rows, inside, of.sizes[index], at_least(least, (height, width)))
    host = index.tolist()
    stored = torch.from_numpy(np.stack([of.plane(i, _size(pixels)) for i in host])).to(index.device)
    placed = place_maps(stored, torch.arange(len(host), device=index.device)[:, None], placement, VOID)
    return images, MapTargets(placed, placement, tuple(torch.tensor(of.unpacked(i)).to(index.device) for i in host))


def rarity_of(of: ClassMaps) -> Tensor:
    """(C,) float32: one over the square root of a class's share of a split's pixels; 0 of a class without any."""
    pixels = of.counts.sum(0).double()
    return torch.where(pixels > 0, (pixels.sum().clamp(min=1) / pixels.clamp(min=1)).sqrt(), 0).float()


def _rare_pixels(
    maps: Tensor, index: Tensor, probability: float, seed: int, epoch: int, rarity: Tensor
) -> tuple[Tensor, Tensor]:
    """A place of a class in each map (B, H, W) that is to show one, as `Focus` gives them; nothing waits.

    The class is drawn from those in the map, each as likely as it is rare; the pixel is any of that class.
    """
    count, height, width = maps.shape
    some = max(_AT_ONCE // (height * width), 1)
    if count > some:  # large maps a few at a time, as some 80 bytes a pixel are needed
        parts = [
            _rare_pixels(maps[first : first + some], index[first : first + some], probability, seed, epoch, rarity)
            for first in range(0, count, some)
        ]
        return torch.cat([at for at, _ in parts]), torch.cat([wanted for _, wanted in parts])
    classes = torch.arange(len(rarity), device=maps.device)
    drawn = uniforms(1 + len(rarity), seed, epoch, index, Draw.FOCUS_CLASS)
    there = torch.zeros(count, VOID + 1, device=maps.device)
    there.scatter_(1, maps.flatten(1).long(), 1.0)
    # the largest of u^(1 / weight) is each class with a probability in proportion to its weight
    keys = torch.where(
        there[:, : len(rarity)] > 0, drawn[:, 1:].clamp(min=1e-30).log() / rarity.clamp(min=1e-30), -torch.inf
    )
    chosen = classes[keys.argmax(1)]
    pixel = torch.arange(height * width, device=maps.device)
    order = bits(seed, epoch, index[:, None] * (height * width) + pixel, Draw.FOCUS_PIXEL)
    of_class = maps.flatten(1) == chosen[:, None]
    place = torch.where(of_class, order, torch.iinfo(torch.int64).min).argmax(1)
    at = torch.stack([place % width, place // width], dim=1) + 0.5
    return at, (drawn[:, 0] < probability) & of_class.any(1)


def _size(images: Tensor) -> Size:
    height, width = images.shape[-2:]
    return height, width
