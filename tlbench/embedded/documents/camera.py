"""What light, lens and sensor do to the picture: gradients, shadows, defocus, exposure, tint, noise, JPEG."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from tlbench.data.image_opening import open_image
from tlbench.embedded.documents.draws import Array, Draws, enlarge

COARSE = 17


def light(draws: Draws, height: int, width: int, calm: float) -> Array:
    """(height, width) float32 factors: falling off to a side and to the corners, and now and then a shadow's edge."""
    wild = 1 - calm
    x = np.linspace(-1, 1, COARSE, dtype=np.float32)[None]
    y = np.linspace(-1, 1, COARSE, dtype=np.float32)[:, None]
    angle, slope = draws.between(0, 2 * np.pi), wild * draws.between(0, 0.4)
    field = 1 + slope * (x * np.cos(angle) + y * np.sin(angle))
    field = field - wild * draws.between(0, 0.25) * (x**2 + y**2)
    if draws.chance(0.35 * wild):
        angle, soft = draws.between(0, 2 * np.pi), draws.between(2, 12)
        side = x * np.cos(angle) + y * np.sin(angle) - draws.between(-0.6, 0.8) + draws.between(-0.5, 0.5) * x * y
        field = field * (1 - draws.between(0.15, 0.55) / (1 + np.exp(-soft * side)))
    return enlarge(np.maximum(field, 0.15), height, width)


def expose(draws: Draws, picture: Array, calm: float) -> Array:
    """Defocus, exposure, tint, noise, compression.

    Args:
        draws: The page's random numbers.
        picture: (3, H, W) float32 in about [0, 255]; its content is lost.
        calm: In [0, 1]: 1 is a flatbed scan, 0 a photograph from the hand.

    Returns:
        (H, W, 3) uint8.
    """
    wild = 1 - calm
    _, height, width = picture.shape
    if draws.chance(0.5):
        _defocus(draws, picture, draws.between(0.3, 1.05) * max(height, width) / 320)
    gain = 1 - wild * draws.between(-0.3, 0.5)
    tint = gain * (1 + wild * draws.uniform(-0.09, 0.09, 3))
    picture *= tint.astype(np.float32)[:, None, None]
    noise = draws.normal((height, width)) * np.float32(draws.spread(0.4, 2 + 6 * wild))
    picture += noise + np.float32(wild * draws.between(0, 30) if draws.chance(0.4) else 0)
    pixels = np.ascontiguousarray(np.clip(picture, 0, 255, out=picture).astype(np.uint8).transpose(1, 2, 0))
    return _compressed(pixels, draws.count(35, 90)) if draws.chance(0.3) else pixels


def _defocus(draws: Draws, picture: Array, sigma: float) -> None:
    """Blur all of the picture, or one side of it, in place."""
    height, width = picture.shape[1:]
    soft = blurred(picture, sigma)
    if draws.chance(0.5):
        picture[:] = soft
        return
    ramp = np.linspace(
        -draws.between(0, 1.5), draws.between(1, 2.5), height if draws.chance(0.7) else width, dtype=np.float32
    )
    share = np.clip(ramp if draws.chance(0.5) else ramp[::-1], 0, 1)
    picture += (soft - picture) * (share[:, None] if len(share) == height else share)


def blurred(picture: Array, sigma: float) -> Array:
    """(C, H, W) blurred by a repeated three-tap kernel of the given deviation in pixels; the border is repeated."""
    passes = max(1, int(np.ceil(sigma**2 * 1.5)))  # a kernel (a, 1 − 2a, a) has variance 2a, and a ≤ 1/3
    side = np.float32(sigma**2 / passes / 2)
    for _ in range(passes):
        for axis in (1, 2):
            soft = picture * (1 - 2 * side)
            edge = picture * side
            low, high = [slice(None)] * 3, [slice(None)] * 3
            low[axis], high[axis] = slice(None, -1), slice(1, None)
            soft[tuple(high)] += edge[tuple(low)]
            soft[tuple(low)] += edge[tuple(high)]
            low[axis], high[axis] = slice(0, 1), slice(-1, None)
            soft[tuple(low)] += edge[tuple(low)]
            soft[tuple(high)] += edge[tuple(high)]
            picture = soft
    return picture


def _compressed(pixels: Array, quality: int) -> Array:
    memory = BytesIO()
    Image.fromarray(pixels).save(memory, "JPEG", quality=quality)
    return np.array(open_image(memory))
