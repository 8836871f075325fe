"""Smooth pen paths: Catmull–Rom splines through random points, and how the pen's width follows its speed."""

from __future__ import annotations

import numpy as np

from tlbench.embedded.documents.draws import Array, Draws


def spline(points: Array, steps: int) -> Array:
    """The uniform Catmull–Rom spline through (N, 2) points, N ≥ 2.

    Source: Catmull and Rom 1974, "A class of local interpolating splines". The end points are doubled.

    Args:
        points: What the curve passes through.
        steps: Points of the curve per stretch between two of them.

    Returns:
        ((N − 1) · steps + 1, 2), the given points among them.
    """
    padded = np.concatenate([points[:1], points, points[-1:]])
    a, b, c, d = (padded[k : len(padded) - 3 + k, None] for k in range(4))
    t = (np.arange(steps) / steps)[None, :, None]
    curve = b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])


def pen_widths(path: Array, contrast: float) -> Array:
    """(N,) widths around 1 along an (N, 2) path: narrow where the pen is fast, tapered at both ends.

    Args:
        path: Points drawn at equal times.
        contrast: 0 is a ballpoint, 1 a fountain pen.
    """
    speed = np.hypot(*np.diff(path, axis=0, append=path[-1:] * 2 - path[-2:-1]).T)
    size = min(7, len(speed))
    speed = np.convolve(np.pad(speed, size, mode="edge"), np.ones(size) / size, "same")[size:-size]
    widths = np.clip(1 + contrast * (0.9 - speed / max(float(speed.mean()), 1e-9)), 0.45, 1.7)
    ends = np.minimum(np.arange(len(path)), np.arange(len(path))[::-1])
    return np.asarray(widths * np.clip(0.5 + ends / 6 * 0.5, 0, 1))


def zigzag(draws: Draws, count: int, loops: float, ascender: float) -> Array:
    """(2 · count, 2) points of a written word: up and down `count` times; the x-height is 1, y points down.

    Args:
        draws: The page's random numbers.
        count: Strokes.
        loops: How far the pen goes back at the top of a stroke: 0 is pointed, 0.5 is round loops.
        ascender: The share of strokes that rise above the x-height, or fall below the line.
    """
    forward = draws.uniform(0.35, 0.95, count)
    back = loops * draws.uniform(0.3, 1, count)
    top, bottom = -draws.uniform(0.75, 1.1, count), draws.uniform(-0.15, 0.1, count)
    tall, deep = draws.uniform(0, 1, count) < ascender, draws.uniform(0, 1, count) < ascender * 0.6
    top = np.where(tall, top * draws.uniform(1.6, 2.6, count), top)
    bottom = np.where(deep, bottom + draws.uniform(0.6, 1.5, count), bottom)
    low_x = np.cumsum(forward)
    points = np.empty((2 * count, 2))
    points[0::2, 0], points[0::2, 1] = low_x - forward * 0.4, bottom
    points[1::2, 0], points[1::2, 1] = low_x - back, top
    return points


def ovals(draws: Draws, turns: float) -> Array:
    """(N, 2) points of a pen that circles with changing radii; of a height of about 2."""
    count = max(4, round(turns * 7))
    angle = draws.between(0, 2 * np.pi) + draws.pick((-1.0, 1.0)) * np.linspace(0, 2 * np.pi * turns, count)
    radius = np.linspace(1, draws.between(0.45, 1.25), count)
    x = np.cos(angle) * radius * draws.between(0.4, 1.0) + np.linspace(0, draws.between(0, 0.9), count)
    return np.stack([x, np.sin(angle) * radius], 1)


def normalised(strokes: list[Array]) -> list[Array]:
    """The strokes moved and scaled so that together they start at (0, 0) and are 1 wide; their height follows."""
    every = np.concatenate(strokes)
    low = every.min(0)
    width = max(float(np.ptp(every[:, 0])), 1e-6)
    return [(stroke - low) / width for stroke in strokes]
