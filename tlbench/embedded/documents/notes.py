"""Handwriting that is no signature: notes in small even words, figures and dates, ticks, crosses and circles."""

from __future__ import annotations

import numpy as np

from tlbench.embedded.documents.draws import Array, Draws
from tlbench.embedded.documents.strokes import normalised, spline, zigzag


def note(draws: Draws) -> list[Array]:
    """Draw a handwritten note.

    Returns:
        Strokes, each (N, 2) points at equal times; together 1 wide.
    """
    kind = draws.pick(("words", "figures", "sign"), (5, 3, 2))
    if kind == "words":
        return normalised(_words(draws, lines=draws.count(1, 4), most=draws.count(2, 5)))
    return normalised(_figures(draws) if kind == "figures" else _sign(draws))


def _words(draws: Draws, lines: int, most: int) -> list[Array]:
    """Lines of words of one hand: the same slant, roundness and size throughout."""
    slant, loops, narrow = draws.between(-0.1, 0.5), draws.between(0, 0.6), draws.between(0.55, 0.9)
    strokes = []
    for line in range(lines):
        x = 0.0
        words = most if line + 1 < lines else draws.count(1 if lines > 1 else 2, most)
        for _ in range(words):
            word = zigzag(draws, draws.count(2, 8), loops, 0.22) * (narrow, 1.0)
            word[:, 0] += x - slant * word[:, 1]
            word[:, 1] += line * 3.6
            x = word[:, 0].max() + draws.between(0.7, 1.3)
            strokes.append(spline(word, 5))
    return strokes


def _figures(draws: Draws) -> list[Array]:
    """A number or a date: single characters side by side, with dots or dashes between groups."""
    strokes = []
    x = 0.0
    for place in range(draws.count(4, 10)):
        if place % 3 == 2 and draws.chance(0.6):
            mark = np.array([[0, 0.5], [0.4, 0.5]]) if draws.chance(0.5) else np.array([[0, 1.0], [0.08, 1.0]])
            strokes.append(mark + np.array([x, 0]))
            x += 0.7
            continue
        form = draws.pick(("one", "round", "free"), (2, 3, 5))
        if form == "one":
            points = np.array([[0.0, 0.3], [0.3, 0.0], [0.25, 1.0]])
        elif form == "round":
            angle = draws.between(4, 5) - np.linspace(0, 2 * np.pi, 8)
            points = np.stack([0.35 + 0.33 * np.cos(angle), 0.5 + 0.5 * np.sin(angle)], 1)
        else:
            heights = np.linspace(0, 1, 5) + draws.uniform(-0.15, 0.15, 5)
            points = np.stack([draws.uniform(0, 0.7, 5), heights], 1)
        strokes.append(spline(points + draws.uniform(-0.05, 0.05, points.shape) + (x, 0), 6))
        x += 0.95
    return strokes


def _sign(draws: Draws) -> list[Array]:
    """A tick, a cross, a ring around something, an arrow or a wavy underline."""
    kind = draws.pick(("tick", "cross", "ring", "arrow", "wave"))
    if kind == "tick":
        paths = [np.array([[0, 0.5], [0.3, 0.95], [1.0, 0.0]])]
    elif kind == "cross":
        paths = [np.array([[0, 0], [1.0, 0.95]]), np.array([[0.95, 0], [0.0, 1.0]])]
    elif kind == "ring":
        angle = draws.between(0, 6) + np.linspace(0, 2 * np.pi * 1.1, 12)
        paths = [np.stack([np.cos(angle), draws.between(0.3, 0.9) * np.sin(angle)], 1)]
    elif kind == "arrow":
        paths = [np.array([[0, 0], [0.5, 0.15], [1, 0.1]]), np.array([[0.8, 0], [1, 0.1], [0.82, 0.28]])]
    else:
        count = draws.count(4, 12)
        paths = [np.stack([np.arange(count) / 2.0, np.resize([0.0, 0.35], count)], 1)]
    return [spline(path + draws.uniform(-0.05, 0.05, path.shape), 7) for path in paths]
