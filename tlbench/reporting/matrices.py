"""Which classes were taken for which, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_CLASSES = 20
"""Classes of a table; of more the most frequent confusions are listed."""
_LISTED = 15


@dataclass(frozen=True)
class Matrix:
    """The confusions of an arm, shares of each true class in percent.

    Attributes:
        arm: Its name.
        names: Of the classes; empty where they are too many for a table.
        rows: Of each true class the share of each found class as (text, percent); likewise.
        most: `(true, found, percent)` of the largest confusions, without what is right.
    """

    arm: str
    names: tuple[str, ...]
    rows: tuple[tuple[tuple[str, float], ...], ...]
    most: tuple[tuple[str, str, str], ...]


def matrix(arm: str, counts: NDArray[np.float64], names: Sequence[str]) -> Matrix:
    """A table of confusions.

    Args:
        arm: Its name.
        counts: (C, C), rows true classes, columns found.
        names: C.
    """
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    wrong = shares * (1 - np.eye(len(names)))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_LISTED].tolist()
    cells = [divmod(cell, len(names)) for cell in order]
    most = tuple((names[t], names[f], f"{wrong[t, f]:.1f}") for t, f in cells if wrong[t, f] > 0)
    if len(names) > MOST_CLASSES:
        return Matrix(arm, (), (), most)
    rows = tuple(tuple((_text(share), round(float(share), 1)) for share in row) for row in shares)
    return Matrix(arm, tuple(names), rows, most)


def _text(share: float) -> str:
    return "" if share == 0 else f"{share:.0f}" if share >= 9.95 else f"{share:.1f}"
