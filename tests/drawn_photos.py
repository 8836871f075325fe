"""Images drawn at random that are as different from one another as photos are."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor


def photos(count: int, side: int = 64, seed: int = 0) -> list[Image.Image]:
    """A blurred background with a few shapes on it, RGB, each."""
    random = np.random.default_rng(seed)
    return [_photo(random, side) for _ in range(count)]


def _photo(random: np.random.Generator, side: int) -> Image.Image:
    image = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8)).resize((side, side), 3)
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        left, top, width, height = (random.uniform(0.1, 0.6, 4) * side).tolist()
        draw.ellipse((left, top, left + width, top + height), tuple(random.integers(0, 256, 3).tolist()))
    return image


def recompressed(image: Image.Image, quality: int = 40) -> Image.Image:
    """As a JPEG file gives it back."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def stacked(images: list[Image.Image]) -> Tensor:
    """(N, 3, H, W) uint8."""
    return torch.stack([torch.from_numpy(np.array(image).transpose(2, 0, 1)) for image in images])
