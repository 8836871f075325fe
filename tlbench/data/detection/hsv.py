"""Change hue, saturation and value of a batch, an amount an image."""

from __future__ import annotations

import torch
from torch import Tensor

_TINY = 1e-6  # far below 1/255, the least difference between colours that is not 0


def shift_hsv(images: Tensor, gains: Tensor) -> Tensor:
    """Turn the hue, and multiply saturation and value, both limited to 1.

    As ultralytics' `RandomHSV` (8.4), but in floating point, where that rounds hue to 2° and the others to 8 bits.

    Args:
        images: (B, 3, H, W) float32 in [0, 1], red, green, blue; overwritten.
        gains: (B, 3) float32: change of the hue, turns of the colour circle; relative changes of saturation and value,
            ≥ -1.

    Returns:
        The images.
    """
    hue, saturation, value = (1 + gains).T[:, :, None, None]
    for i in range(len(images)):  # one at a time, so that the intermediate results stay in the processor's cache
        _shift(images[i], hue[i], saturation[i], value[i])
    return images


def _shift(rgb: Tensor, hue: Tensor, saturation: Tensor, value: Tensor) -> None:
    red, green, blue = rgb
    most = torch.maximum(torch.maximum(red, green), blue)
    least = torch.minimum(torch.minimum(red, green), blue)
    chroma = most - least
    share = (rgb - least).div_(chroma.clamp(min=_TINY))  # 1 for the largest, 0 for the smallest channel
    r, g, b = share

    # Sixths of the circle: g - b, 2 + b - r or 4 + r - g, whichever channel is the largest (share 1, its floor 1). At
    # a tie they agree.
    place = g - b
    place = place.lerp_((b - r).add_(2), g.floor())
    place = place.lerp_((r - g).add_(4), b.floor())
    place = place.div_(6).add_(hue + 1)
    place = place.sub_(place.floor()).mul_(6)

    bright = (most * value).clamp_(max=1)
    spread = chroma.div_(most.clamp_(min=_TINY)).mul_(saturation).clamp_(max=1).mul_(bright)
    dark = bright.sub_(spread)
    torch.addcmul(dark, (place - 3).abs_().sub_(1).clamp_(0, 1), spread, out=rgb[0])
    torch.addcmul(dark, (place - 2).abs_().neg_().add_(2).clamp_(0, 1), spread, out=rgb[1])
    torch.addcmul(dark, (place - 4).abs_().neg_().add_(2).clamp_(0, 1), spread, out=rgb[2])
