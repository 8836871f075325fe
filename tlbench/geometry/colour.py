"""Brightness, contrast and saturation of a batch, a factor an image; as torchvision defines them."""

from __future__ import annotations

from torch import Tensor

_LUMA = (0.2989, 0.587, 0.114)  # ITU-R BT.601, as rounded in torchvision


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with black: float images (B, 3, H, W) in [0, 1] times a (B,) factor ≥ 0, clamped to [0, 1]."""
    return (images * _per_image(factor)).clamp_(0, 1)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the image's mean grey; arguments as in `adjust_brightness`."""
    return _blend(images, grey(images).mean(dim=(1, 2, 3), keepdim=True), factor)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the grey image; arguments as in `adjust_brightness`."""
    return _blend(images, grey(images), factor)


def grey(images: Tensor) -> Tensor:
    """The brightness (B, 1, H, W) float32 of images (B, 3, H, W), float or uint8, in their range."""
    red, green, blue = images[:, 0:1], images[:, 1:2], images[:, 2:3]
    return red.mul(_LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])


def _per_image(factor: Tensor) -> Tensor:
    return factor[:, None, None, None]


def _blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    factor = _per_image(factor)
    return (images * factor).add_(other * (1 - factor)).clamp_(0, 1)
