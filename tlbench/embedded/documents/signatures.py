"""Signatures: a large initial, a hurried word, a tail; slanted, rising, in one to four strokes."""

from __future__ import annotations

import numpy as np

from tlbench.embedded.documents.draws import Array, Draws
from tlbench.embedded.documents.strokes import normalised, ovals, spline, zigzag

STEPS = 9


def signature(draws: Draws) -> list[Array]:
    """Draw one signature.

    Returns:
        Strokes in the order they are written, each (N, 2) points at equal times; together 1 wide and 0.2 to 1.6 high.
    """
    strokes = [spline(points, STEPS) for points in _control_points(draws)]
    slant, rise = draws.between(-0.15, 0.7), draws.between(-0.3, 0.12)
    sheared = [np.stack([s[:, 0] - slant * s[:, 1], s[:, 1] + rise * s[:, 0]], 1) for s in strokes]
    shaped = normalised(sheared)
    height = max(float(s[:, 1].max()) for s in shaped)
    if height > 1.6:  # a tail straight down: as wide as a third of its height is the least
        shaped = [s * (1.6 / height) for s in shaped]
    elif height < 0.2:
        shaped = [s * (1.0, 0.2 / height) for s in shaped]
    return shaped


def _control_points(draws: Draws) -> list[Array]:
    words = 1 if draws.chance(0.6) else 2
    strokes: list[Array] = []
    x = 0.0
    for word in range(words):
        pieces = []
        size = draws.between(0.9, 2.0)
        if draws.chance(0.7):
            pieces.append(ovals(draws, draws.pick((0.6, 1.1, 1.6, 2.3, 3.2), (2, 3, 3, 2, 1))) * size)
        else:
            pieces.append(zigzag(draws, draws.count(1, 2), draws.between(0.2, 0.9), 0.6) * (1.0, 1.4 * size))
        if draws.chance(0.85):
            body = zigzag(draws, draws.count(2, 9), draws.between(-0.1, 0.8), draws.between(0.1, 0.45))
            fading = np.linspace(draws.between(0.9, 1.4), draws.between(0.25, 0.9), len(body))
            body = body * np.stack([np.full(len(body), draws.between(0.7, 1.5)), fading], 1)
            body[:, 0] += pieces[0][-1, 0] + draws.between(0, 0.6)
            pieces.append(body)
        if word == words - 1 and draws.chance(0.65):
            pieces.append(_tail(draws, pieces))
        points = np.concatenate(pieces)
        points[:, 0] += x - points[:, 0].min()
        x = points[:, 0].max() + draws.between(-0.6, 0.5)
        strokes.append(points)
    strokes += _extras(draws, strokes)
    return strokes


def _tail(draws: Draws, pieces: list[Array]) -> Array:
    """What the pen does last: runs out, underlines backwards, or falls deep below the line and comes back."""
    start = pieces[-1][-1]
    first = min(float(p[:, 0].min()) for p in pieces)
    length = max(1.5, float(start[0]) - first)
    kind = draws.pick(("out", "under", "deep", "over"), (3, 2, 3, 1))
    if kind == "out":
        steps = np.cumsum(draws.uniform(0.1, 0.5, 4)) * length * 0.5
        return np.asarray(start + np.stack([steps, draws.uniform(-0.35, 0.35, 4)], 1))
    if kind == "under":
        depth = draws.between(0.6, 1.6)
        turns = np.array([[0.15, 0.6], [-0.3, 1.0], [-1.0, 1.0], [-0.7, 1.25], [draws.between(0, 0.5), 0.9]])
        return np.asarray(start + turns * (length, depth))
    if kind == "deep":
        depth = draws.between(1.5, 3.8)
        turns = np.array([[0.15, 0.2], [0.75, 0.85], [0.8, 1.0], [0.55, 1.0], [draws.between(-0.6, 0.2), 0.4]])
        return np.asarray(start + turns * (draws.between(0.5, 2.2), depth))
    turns = np.array([[0.3, -0.6], [0.0, -1.0], [-0.5, -1.0], [-1.0, -0.75]])
    return np.asarray(start + turns * (length, draws.between(1.0, 2.4)))


def _extras(draws: Draws, strokes: list[Array]) -> list[Array]:
    """Strokes set apart: the bar of a t, a dot, a line beneath."""
    every = np.concatenate(strokes)
    (left, top), (right, bottom) = every.min(0), every.max(0)
    width, height = right - left, bottom - top
    extras: list[Array] = []

    def line(x: float, y: float, length: float) -> Array:
        wobble = draws.uniform(-0.08, 0.08, 4) * length
        return np.stack([x + np.linspace(0, length, 4), y + wobble], 1)

    if draws.chance(0.3):
        extras.append(line(left + width * draws.between(0.1, 0.6), top + height * draws.between(0.1, 0.4), 0.3 * width))
    if draws.chance(0.2):
        extras.append(
            line(left + width * draws.between(0.0, 0.3), bottom - height * 0.05, draws.between(0.5, 0.9) * width)
        )
    if draws.chance(0.25):
        dot = np.array([left + width * draws.between(0.3, 1.0), top + height * draws.between(0, 0.5)])
        extras.append(np.stack([dot, dot + 0.04 * width]))
    return extras
