"""What image files hold before anything is scaled: sizes, kinds of pixels, lowest and highest values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Container = Literal["uint8", "uint16", "int32", "float32"]
"""How a file stores a pixel; `uint8` also stands for fewer bits and for palettes, `int32` for signed 16 bits."""

DeepContainer = Literal["uint16", "int32", "float32"]
"""Of more than 8 bits, so that its range has to be known."""

DEEP: Final[tuple[DeepContainer, ...]] = ("uint16", "int32", "float32")
CONTAINERS: Final[tuple[Container, ...]] = ("uint8", *DEEP)

_COLUMNS = 6


class Fact(NamedTuple):
    """An image file.

    Args:
        height: Of the upright image, pixels.
        width: Likewise.
        container: How the file stores a pixel.
        grey: Whether it has one channel (beside transparency).
        low: The lowest value of all pixels, as the file has it; of 8 bits: of the RGB image that it becomes.
        high: The highest, likewise.
    """

    height: int
    width: int
    container: Container
    grey: bool
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class ImageFacts:
    """N image files, as in `Fact`; zeros where a file is unreadable.

    Args:
        sizes: (N, 2) int64, height and width of the upright images, pixels.
        containers: (N,) int64, positions in `CONTAINERS`.
        grey: (N,) bool.
        low: (N,) float64.
        high: (N,) float64.
    """

    sizes: NDArray[np.int64]
    containers: NDArray[np.int64]
    grey: NDArray[np.bool_]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sizes)

    def take(self, index: NDArray[np.int64]) -> ImageFacts:
        """Those of the files at (M,) positions, in that order."""
        return ImageFacts(*(values[index] for values in vars(self).values()))

    @classmethod
    def joined(cls, parts: Iterable[ImageFacts]) -> ImageFacts:
        """Those of several listings, one after another."""
        return cls.of_table(np.concatenate([part.table() for part in parts]))

    def stored_as(self, container: Container) -> NDArray[np.bool_]:
        """(N,): which files store their pixels so."""
        return np.equal(self.containers, CONTAINERS.index(container))

    @property
    def deep(self) -> NDArray[np.bool_]:
        """(N,): which files have more than 8 bits."""
        return self.containers > 0

    def table(self) -> NDArray[np.float64]:
        """(N, 6) float64, from which `of_table` makes the same."""
        columns = (self.sizes[:, 0], self.sizes[:, 1], self.containers, self.grey, self.low, self.high)
        return np.stack([column.astype(np.float64) for column in columns], axis=1)

    @classmethod
    def of_table(cls, table: NDArray[np.float64]) -> ImageFacts:
        """From what `table` gave.

        Raises:
            ValueError: It is of another shape or type, or names a container that there is not.
        """
        if table.dtype != np.float64 or table.ndim != 2 or table.shape[1] != _COLUMNS:
            raise ValueError("not a table of facts")
        containers = table[:, 2].astype(np.int64)
        if len(table) and not (containers.min() >= 0 and containers.max() < len(CONTAINERS)):
            raise ValueError("no such container")
        return cls(table[:, :2].astype(np.int64), containers, table[:, 3] > 0, table[:, 4].copy(), table[:, 5].copy())

    @classmethod
    def of(cls, facts: Iterable[Fact | None]) -> ImageFacts:
        """Of single files; None: unreadable."""
        rows = [
            (0,) * _COLUMNS if fact is None else (*fact[:2], CONTAINERS.index(fact.container), *fact[3:])
            for fact in facts
        ]
        return cls.of_table(np.array(rows, np.float64).reshape(-1, _COLUMNS))
