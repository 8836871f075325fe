"""A crop of random area and aspect ratio, resized to the network's input, for a whole batch on its device.

Boxes are drawn and resized as fractions of the image, unrounded, so that the same draws show the same region of an
image whatever the resolution at which it is stored.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tlbench.annotations.labels.config import ResizedCrop
from tlbench.config.size import Size
from tlbench.seeds import Draw, uniforms

_ATTEMPTS = 10  # as in torchvision


def boxes(
    config: ResizedCrop, height: int | Tensor, width: int | Tensor, seed: int, epoch: int, index: Tensor
) -> Tensor:
    """Draw a box for each image, as torchvision's `RandomResizedCrop.get_params` does, but without rounding.

    Area and aspect ratio are drawn up to ten times (the ratio on a logarithmic scale); the first box that fits into the
    image is taken, and its place is uniform. If none fits, it is the largest box in the middle whose ratio is allowed.

    Args:
        config: Ranges of area and ratio.
        height: The images' height in pixels: one number, or (B,) on the index's device.
        width: Their width likewise.
        seed: Augmentation seed.
        epoch: Epoch, ≥ 0.
        index: (B,) int64 sample indices.

    Returns:
        (B, 4) float32: top, left, height and width in pixels, inside the image. Of images of one
        shape it is the same fraction whatever their size.
    """
    draws = uniforms(2 * _ATTEMPTS + 2, seed, epoch, index, Draw.RESIZED_CROP)
    shape = width / height  # width to height of the image; a number, or (B,)
    columns = shape[:, None] if isinstance(shape, Tensor) else shape
    low, high = (math.log(end) for end in config.ratio)
    area = config.scale[0] + (config.scale[1] - config.scale[0]) * draws[:, :_ATTEMPTS]
    ratio = (low + (high - low) * draws[:, _ATTEMPTS : 2 * _ATTEMPTS]).exp() / columns
    heights, widths = (area / ratio).sqrt(), (area * ratio).sqrt()

    fits = (heights <= 1) & (widths <= 1)
    first = fits.to(torch.int32).argmax(dim=1, keepdim=True)
    found = fits.any(dim=1)
    ones = torch.ones_like(draws[:, 0])
    h = torch.where(found, heights.gather(1, first)[:, 0], (ones * shape / config.ratio[0]).clamp(max=1))
    w = torch.where(found, widths.gather(1, first)[:, 0], (ones * config.ratio[1] / shape).clamp(max=1))
    top = (1 - h) * torch.where(found, draws[:, -2], 0.5)
    left = (1 - w) * torch.where(found, draws[:, -1], 0.5)
    return torch.stack([top * height, left * width, h * height, w * width], dim=1)


def resized_crop(images: Tensor, boxes: Tensor, size: Size) -> Tensor:
    """Cut a box out of each image and resize it (bilinear, antialiased: as Pillow does, of the cut-out pixels alone).

    Args:
        images: (B, 3, H, W), uint8 or float32.
        boxes: (B, 4) float32: top, left, height and width in pixels, > 0 and inside the image; fractions of a pixel
            are allowed.
        size: Height and width of the result, pixels.

    Returns:
        (B, 3, *size) of the images' type.
    """
    top, left, height, width = boxes.unbind(1)
    rows = _resampling(top, height, images.shape[2], size[0])
    columns = _resampling(left, width, images.shape[3], size[1])
    resized = rows[:, None] @ images.to(torch.float32) @ columns[:, None].transpose(2, 3)
    return resized.round_().clamp_(0, 255).to(torch.uint8) if images.dtype == torch.uint8 else resized


def _resampling(start: Tensor, length: Tensor, pixels: int, size: int) -> Tensor:
    """(B, size, pixels): the weight of each pixel of a row or column in each of the result's, which sum to 1."""
    scale = (length / size)[:, None]
    centre = start[:, None] + scale * (torch.arange(size, device=start.device) + 0.5)
    pixel = torch.arange(pixels, device=start.device)
    weight = 1 - (pixel + 0.5 - centre[:, :, None]).abs() / scale.clamp(min=1)[:, :, None]
    inside = (pixel + 1 > start[:, None]) & (pixel < (start + length)[:, None])
    weight = weight.clamp_(min=0) * inside[:, None]
    return weight / weight.sum(dim=2, keepdim=True)
