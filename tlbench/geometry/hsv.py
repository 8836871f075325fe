"""Change hue, saturation and value of a batch, an amount an image, which is drawn here too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from tlbench.seeds import Draw, uniforms

_TINY = 1e-9  # far below the least difference between colours that is not 0
_AT_ONCE = 2**17  # pixels on a CPU, so that the intermediate results stay in its cache


class Strengths(Protocol):
    """How far colours may change."""

    @property
    def hsv_h(self) -> float:
        """Of the hue, turns of the colour circle."""

    @property
    def hsv_s(self) -> float:
        """Of the saturation, relative."""

    @property
    def hsv_v(self) -> float:
        """Of the value, relative."""


def draw_gains(config: Strengths, index: Tensor, seed: int, epoch: int) -> Tensor | None:
    """Draw the gains of some samples, each as a function of (seed, epoch, its index).

    Args:
        config: Their strengths.
        index: (B,) int64 sample indices.
        seed: Augmentation seed.
        epoch: Epoch, ≥ 0.

    Returns:
        (B, 3) float32, as `shift_hsv` takes them; None: colours stay.
    """
    strengths = (config.hsv_h, config.hsv_s, config.hsv_v)
    if not any(strengths):
        return None
    drawn = 2 * uniforms(3, seed, epoch, index, Draw.HSV) - 1
    return torch.stack([strength * gain for strength, gain in zip(strengths, drawn.T, strict=True)], dim=1)


def shift_hsv(images: Tensor, gains: Tensor, out: Tensor) -> Tensor:
    """Turn the hue, and multiply saturation and value, both limited to 1.

    As ultralytics' `RandomHSV` (8.4), but in floating point, where that rounds hue to 2° and the others to 8 bits.

    Args:
        images: (B, 3, H, W) float32 in [0, 1], red, green, blue, contiguous.
        gains: (B, 3) float32: change of the hue, turns of the colour circle, at least -1; relative changes of
            saturation and value, ≥ -1.
        out: Where to write the result: as the images, or these themselves.

    Returns:
        `out`.
    """
    hue, saturation, value = (1 + gains).clamp(min=_TINY).T[:, :, None]
    pixels, written = (tensor.view(len(images), 3, -1) for tensor in (images, out))
    if images.device.type != "cpu":
        _shift(pixels.unbind(1), written.unbind(1), hue, saturation, value)
        return out
    for i in range(len(images)):
        for part, target in zip(torch.split(pixels[i], _AT_ONCE, 1), torch.split(written[i], _AT_ONCE, 1), strict=True):
            _shift(part.unbind(0), target.unbind(0), hue[i], saturation[i], value[i])
    return out


def _shift(planes: Sequence[Tensor], out: Sequence[Tensor], hue: Tensor, saturation: Tensor, value: Tensor) -> None:
    """Of three planes into three others, or the same.

    With w a channel's share of the chroma, (channel - least) / chroma, the place on the colour circle is 1 + w_green +
    w_blue - w_red sixths away from red, on the side of the larger of green and blue. Back again, a channel's share is 1
    up to one sixth away from its own place, 0 from two sixths on, and linear between. These are the definitions of
    Smith 1978, "Color gamut transform pairs", SIGGRAPH, without their choices by the largest channel, which a CPU is
    slow at. A turn is six sixths; green is at 1/3, blue at 2/3, and red is as far from 1/2 as its own place is near.
    """
    red, green, blue = planes
    most = torch.maximum(torch.maximum(red, green), blue)
    least = torch.minimum(torch.minimum(red, green), blue)
    chroma = most - least

    turn = (green + blue).add_(most).sub_(red).sub_(least, alpha=2).copysign_(green - blue)
    turn.div_(chroma.mul(6).add_(_TINY)).add_(hue).frac_()

    bright = (most * value).clamp_(max=1)
    spread = torch.minimum(most.reciprocal_().mul_(saturation).minimum(saturation * value).mul_(chroma), bright)
    torch.addcmul(bright.sub(spread, alpha=2), (turn - 1 / 2).abs_().clamp_(1 / 6, 1 / 3), spread, value=6, out=out[0])
    bright.add_(spread)
    torch.addcmul(bright, (turn - 1 / 3).abs_().clamp_(1 / 6, 1 / 3), spread, value=-6, out=out[1])
    torch.addcmul(bright, (turn - 2 / 3).abs_().clamp_(1 / 6, 1 / 3), spread, value=-6, out=out[2])
