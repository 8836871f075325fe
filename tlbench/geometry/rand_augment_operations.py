"""RandAugment's operations on uint8 batches: in families, each computed at once for images with different operations.

A function of a family takes images (B, 3, H, W) uint8, their operations (B,) int64, whether each goes in the negative
direction (B,) bool, and the constants; what it gives for an operation of another family is of no meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as TV

from tlbench.geometry.colour import grey

OPERATIONS = (
    "Identity",
    *("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"),
    *("Brightness", "Posterize", "Solarize"),
    *("Color", "Contrast", "Sharpness", "AutoContrast", "Equalize"),
)
"""As torchvision names them; a family's stand together."""

_BINS = 31
_GEOMETRIC, _POINTWISE = OPERATIONS[1:6], OPERATIONS[6:9]


@dataclass(frozen=True)
class Tables:
    """What the operations of one magnitude are for one size of images.

    Args:
        sources: (10, H · W) int32: for ShearX, −ShearX, … −Rotate the pixel that each shows, from 1; 0 is black.
        values: (6, 256) uint8: for Brightness, −Brightness, … what becomes of each value.
        strength: Of Color, Contrast and Sharpness.
    """

    sources: Tensor
    values: Tensor
    strength: float


@lru_cache(maxsize=4)
def tables(magnitude: int, height: int, width: int, device: torch.device) -> Tables:
    """The constants of a magnitude in 0 … 30, copied to a device once."""
    pixels = torch.arange(1, height * width + 1, dtype=torch.float32).view(1, height, width)
    sources = [_moved(pixels, name, sign, magnitude) for name in _GEOMETRIC for sign in (1, -1)]
    values = [_changed(name, sign, magnitude) for name in _POINTWISE for sign in (1, -1)]
    return Tables(
        torch.stack(sources).flatten(1).to(device, torch.int32),
        torch.stack(values).to(device),
        _level(0.9, magnitude),
    )


def _level(largest: float, magnitude: int) -> float:
    return float(torch.linspace(0.0, largest, _BINS)[magnitude])


def _moved(image: Tensor, name: str, sign: int, magnitude: int) -> Tensor:
    """The image (1, H, W) after a geometric operation."""
    moved: Tensor
    if name == "Rotate":
        moved = TV.rotate(image, sign * _level(30.0, magnitude), InterpolationMode.NEAREST)
        return moved
    along_x = name.endswith("X")
    if name.startswith("Shear"):
        angle = math.degrees(math.atan(sign * _level(0.3, magnitude)))
        shear, shift, center = ([angle, 0.0] if along_x else [0.0, angle]), [0, 0], [0.0, 0.0]
    else:
        pixels = int(sign * _level(150.0 / 331.0 * image.shape[2 if along_x else 1], magnitude))
        shear, shift, center = [0.0, 0.0], ([pixels, 0] if along_x else [0, pixels]), None
    moved = TV.affine(image, 0.0, shift, 1.0, shear, InterpolationMode.NEAREST, center=center)
    return moved


def _changed(name: str, sign: int, magnitude: int) -> Tensor:
    """(256,) what an operation makes of each value."""
    values: Tensor = torch.arange(256, dtype=torch.uint8).view(1, 1, 256)
    if name == "Brightness":
        values = TV.adjust_brightness(values, 1 + sign * _level(0.9, magnitude))
    elif name == "Posterize":
        values = TV.posterize(values, round(8 - magnitude / ((_BINS - 1) / 4)))
    else:
        values = TV.solarize(values, 255.0 * float(torch.linspace(1.0, 0.0, _BINS)[magnitude]))
    return values.flatten()


def _move(images: Tensor, operation: Tensor, negative: Tensor, constants: Tables) -> Tensor:
    row = (2 * (operation - 1) + negative).clamp(0, len(constants.sources) - 1)
    sources = constants.sources[row].long()[:, None].expand(-1, images.shape[1], -1)
    return F.pad(images.flatten(2), (1, 0)).gather(2, sources).view(images.shape)


def _look_up(images: Tensor, operation: Tensor, negative: Tensor, constants: Tables) -> Tensor:
    row = (2 * (operation - 6) + negative).clamp(0, len(constants.values) - 1)
    return constants.values[row].gather(1, images.flatten(1).long()).view(images.shape)


def _color(images: Tensor, _operation: Tensor, negative: Tensor, constants: Tables) -> Tensor:
    return _blend(images, grey(images).floor_(), negative, constants)


def _contrast(images: Tensor, _operation: Tensor, negative: Tensor, constants: Tables) -> Tensor:
    return _blend(images, grey(images).floor_().mean(dim=(1, 2, 3), keepdim=True), negative, constants)


def _sharpness(images: Tensor, _operation: Tensor, negative: Tensor, constants: Tables) -> Tensor:
    """The border of a pixel stays."""
    floats = images.to(torch.float32)
    rows = floats[:, :, :-2] + floats[:, :, 1:-1] + floats[:, :, 2:]
    inner = floats[:, :, 1:-1, 1:-1]
    blurred = (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:] + 4 * inner).div_(13).round_()
    result = images.clone()
    # not `_blend`, whose rounding would darken what is flat
    sharpened = inner - (blurred - inner) * _signed(constants.strength, negative)
    result[:, :, 1:-1, 1:-1] = sharpened.clamp_(0, 255).to(torch.uint8)
    return result


def _auto_contrast(images: Tensor, _operation: Tensor, _negative: Tensor, _constants: Tables) -> Tensor:
    low, high = (
        end.to(torch.float32) for end in (images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True))
    )
    flat = low == high
    scale = torch.where(flat, 1.0, (high - low) * (1 / 255))
    stretched = (images - torch.where(flat, 0.0, low)) / scale
    return stretched.clamp_(0, 255).to(torch.uint8)


def _equalize(images: Tensor, _operation: Tensor, _negative: Tensor, _constants: Tables) -> Tensor:
    result: Tensor = TV.equalize(images)
    return result


def _blend(images: Tensor, other: Tensor, negative: Tensor, constants: Tables) -> Tensor:
    """Away from `other` by the strength, or towards it."""
    strength = _signed(constants.strength, negative)
    return torch.addcmul(images * (1 + strength), other, -strength).clamp_(0, 255).to(torch.uint8)


def _signed(strength: float, negative: Tensor) -> Tensor:
    return (strength * (1 - 2 * negative.to(torch.float32)))[:, None, None, None]


Family = Callable[[Tensor, Tensor, Tensor, Tables], Tensor]

FAMILIES: tuple[tuple[int, int, Family], ...] = (
    (1, 6, _move),
    (6, 9, _look_up),
    (9, 10, _color),
    (10, 11, _contrast),
    (11, 12, _sharpness),
    (12, 13, _auto_contrast),
    (13, 14, _equalize),
)
"""First operation, the one after the last, and what computes them."""
