"""Drawn figures of five points, embedded: a function of their number alone, the same on every machine."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tlbench.config.size import Size
from tlbench.data.fitting import fitted
from tlbench.data.samples import MemorySamples
from tlbench.data.thumbnails import thumbnails_of
from tlbench.seeds import uniforms
from tlbench_keypoints.names import coordinates
from tlbench_keypoints.points import Points

POINTS = ("head", "left_hand", "right_hand", "left_foot", "right_foot")
"""Sides are those of the figure, which looks at us: its left hand is the one on the right of the image."""

_SEED, _DRAWS, _FINE = 0x66696775, 40, 4
"""Of the figures; random numbers a figure; how many pixels a side are averaged into one."""


def figure(number: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A figure.

    Args:
        number: Which, from 0.

    Returns:
        (H, W, 3) RGB, 48 to 64 pixels high and wide; (5, 2) x, y of its points in pixels, some outside of the image.
    """
    random = iter(uniforms(_DRAWS, _SEED, 0, torch.tensor([number]))[0].tolist())

    def between(low: float, high: float) -> float:
        return low + (high - low) * float(next(random))

    height, width = (48 + int(between(0, 17)) for _ in range(2))
    size = between(0.5, 0.85) * height
    middle, top = between(0.35, 0.65) * width, between(0.08, 0.3) * height
    lean = between(-0.25, 0.25)

    def at(x: float, y: float) -> tuple[float, float]:
        """Of the figure's own x (its left is positive) and y (down), both in its size."""
        return middle + size * (x * np.cos(lean) - y * np.sin(lean)), top + size * (x * np.sin(lean) + y * np.cos(lean))

    head, neck, hip = at(0, 0.1), at(0, 0.25), at(0, 0.62)
    left_hand, right_hand = at(between(0.2, 0.42), between(0.02, 0.6)), at(-between(0.2, 0.42), between(0.02, 0.6))
    left_foot, right_foot = at(between(0.05, 0.3), 1), at(-between(0.05, 0.3), 1)
    ground = np.array([between(0, 255) for _ in range(3)])
    ink = np.where(ground > 127, ground - between(80, 127), ground + between(80, 127))

    paper = Image.new("RGB", (width * _FINE, height * _FINE), tuple(int(value) for value in ground))
    pen, colour = ImageDraw.Draw(paper), tuple(int(value) for value in ink)
    for _ in range(3):  # clutter
        corners = sorted(between(0, width) for _ in range(2)), sorted(between(0, height) for _ in range(2))
        box = [_FINE * corners[axis][end] for end in range(2) for axis in range(2)]
        pen.rectangle(box, outline=tuple(int((a + b) / 2) for a, b in zip(ground, ink, strict=True)), width=_FINE)
    thick, radius = max(round(size * 0.05 * _FINE), 2), size * 0.1
    for first, second in ((neck, hip), (neck, left_hand), (neck, right_hand), (hip, left_foot), (hip, right_foot)):
        pen.line([_FINE * value for value in (*first, *second)], fill=colour, width=thick)
    x, y = head
    pen.ellipse([_FINE * value for value in (x - radius, y - radius, x + radius, y + radius)], fill=colour)
    points = np.array([head, left_hand, right_hand, left_foot, right_foot], np.float32)
    return np.asarray(paper.reduce(_FINE)), points


def figures(count: int, size: Size) -> MemorySamples[Points]:
    """The first figures as images in memory, each in the top left corner.

    Args:
        count: How many.
        size: Height and width of the images, pixels.
    """
    drawn = [figure(number) for number in range(count)]
    sizes = torch.tensor([pixels.shape[:2] for pixels, _ in drawn])
    xy = torch.from_numpy(np.stack([points for _, points in drawn]))
    seen = ((xy >= 0) & (xy <= sizes.flip(1)[:, None])).all(2)
    points = Points(torch.where(seen[:, :, None], xy, 0.0), seen, coordinates(POINTS), sizes, sizes).resized(size)
    stored = [fitted(Image.fromarray(pixels), pixels.shape[:2], size, "corner") for pixels, _ in drawn]
    images = torch.from_numpy(np.stack(stored)).permute(0, 3, 1, 2).contiguous()
    digests = [hashlib.blake2b(pixels.tobytes(), digest_size=16).digest() for pixels, _ in drawn]
    names = tuple(f"figure {number}" for number in range(count))
    rows = np.frombuffer(b"".join(digests), np.uint8).reshape(count, 16)
    return MemorySamples(images, points, names, rows, thumbnails_of(images, Points.thumbnail))
