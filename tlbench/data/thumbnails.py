"""Images in small: the audit's view of them."""

from __future__ import annotations

import torch
from torch import Tensor

from tlbench.config.size import Size
from tlbench.geometry.fits import GREY, inside_size, small_size

_AT_ONCE = 2**22
"""Pixels of which floating-point numbers are held at a time."""


def thumbnails_of(images: Tensor, side: int, inside: Tensor | None = None) -> Tensor:
    """(N, 3, H, W) uint8 in small, about as many pixels as `side`².

    Args:
        images: (N, 3, H, W) uint8.
        side: Of the square whose area they are to have.
        inside: (N, 2) int64, height and width of images that keep their own, in the corner: each is then as large as
            fits in its thumbnail; None: thumbnails show what lies beside images as well.
    """
    height, width = images.shape[2:]
    size = small_size((height, width), side)
    if inside is not None:
        return _each(images, inside, size)
    some = min(max(_AT_ONCE // (height * width), 1), 64)
    small = [torch.nn.functional.adaptive_avg_pool2d(part.float(), size) for part in torch.split(images, some)]
    return torch.cat(small).round().to(torch.uint8) if small else images


def _each(images: Tensor, inside: Tensor, size: Size) -> Tensor:
    found = torch.full((len(images), images.shape[1], *size), GREY, dtype=torch.uint8)
    for small, image, (height, width) in zip(found, images, inside.tolist(), strict=True):
        high, wide = inside_size(height, width, size)
        shown = torch.nn.functional.adaptive_avg_pool2d(image[:, :height, :width].float(), (high, wide))
        small[:, :high, :wide] = shown.round().to(torch.uint8)
    return found
