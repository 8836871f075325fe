"""OA and ECE on each corruption at each severity, as two matrices side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlbench.pictures.figures import new_figure, plain

_DARK = 0.55
"""Share of the colour scale above which numbers are white."""


def corruption_figure(
    oa: Mapping[str, Sequence[float | None]],
    ece: Mapping[str, Sequence[float | None]],
    severities: Sequence[int],
    clean_oa: float | None,
    clean_ece: float | None,
    title: str = "",
) -> Figure:
    """One row a corruption and a last one of means; columns clean, each severity, and the mean over the severities.

    Args:
        oa: Corruption → OA at each severity; None is undefined and left blank.
        ece: Corruption → ECE at each severity.
        severities: The severities, ascending.
        clean_oa: OA without corruption.
        clean_ece: ECE without corruption.
        title: Above both.
    """
    names = [*oa, "mean"]
    columns = ["clean", *map(str, severities), "mean"]
    figure = new_figure(2 * (0.55 * len(columns) + 0.6) + 1.6, 0.3 * len(names) + 1.1)
    left, right = figure.subplots(1, 2, sharey=True)
    _matrix(left, _table(oa, clean_oa), columns, "OA", "Blues")
    _matrix(right, _table(ece, clean_ece), columns, "ECE", "Oranges")
    left.set_yticks(range(len(names)), names, fontsize=8)
    figure.suptitle("\n".join(map(plain, title.split("\n"))), fontsize=10)
    return figure


def _table(values: Mapping[str, Sequence[float | None]], clean: float | None) -> np.ndarray:
    """(corruptions + 1, severities + 2), NaN where undefined."""
    known = np.array([[np.nan if value is None else value for value in row] for row in values.values()], dtype=float)
    rows = np.concatenate([known, known.mean(axis=0, keepdims=True)])
    first = np.full((len(rows), 1), np.nan if clean is None else clean)
    return np.concatenate([first, rows, rows.mean(axis=1, keepdims=True)], axis=1)


def _matrix(axes: Axes, table: np.ndarray, columns: Sequence[str], name: str, colours: str) -> None:
    axes.imshow(table, cmap=colours, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for row, column in np.ndindex(table.shape):
        value = table[row, column]
        if np.isfinite(value):
            colour = "white" if value > _DARK else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=7)
    for edge in (0.5, len(columns) - 1.5):
        axes.axvline(edge, color="white", linewidth=2)
    axes.axhline(len(table) - 1.5, color="white", linewidth=2)
    axes.set_xticks(range(len(columns)), columns, fontsize=8)
    axes.set_xlabel("severity", fontsize=8)
    axes.set_title(name, fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
