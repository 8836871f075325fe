"""What numbers or colours all masks of a data set hold together, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tlbench.data.formats.masks.palettes import colour_of
from tlbench.data.formats.masks.stored import StoredMask
from tlbench.errors import short

_FAR = 64  # numbers apart: so far are the two ends that soft edges lead between
_BETWEEN = 3  # numbers between them, at least
_FEW = 0.25  # of the pixels, that hold those
_LISTED = 200  # characters


@dataclass
class Held:
    """One value.

    Args:
        pixels: How many hold it.
        masks: In how many masks.
        first: The name of the first of these.
    """

    pixels: int
    masks: int
    first: str


@dataclass
class Values:
    """Values of masks.

    Args:
        coloured: Whether they are colours.
        masks: How many masks there are.
        held: Value → where it is.
    """

    coloured: bool
    masks: int = 0
    held: dict[int, Held] = field(default_factory=dict)

    def add(self, name: str, mask: StoredMask) -> None:
        """Count a mask's."""
        self.masks += 1
        for value, count in zip(mask.values.tolist(), mask.counts.tolist(), strict=True):
            there = self.held.setdefault(value, Held(0, 0, name))
            there.pixels += count
            there.masks += 1

    def text(self, value: int) -> str:
        """A value for a message: `value 12`, `colour (1, 2, 3)`."""
        return f"colour {colour_of(value)}" if self.coloured else f"value {value}"

    def listed(self, values: Sequence[int] | None = None) -> str:
        """These, or all values: `0, 1, 255`."""
        found = sorted(self.held) if values is None else values
        return short(", ".join(str(colour_of(value) if self.coloured else value) for value in found), _LISTED)


def values_of(names: Sequence[str], masks: Sequence[StoredMask], coloured: bool) -> Values:
    """Of the masks of numbers, or of those in colour."""
    found = Values(coloured)
    for name, mask in zip(names, masks, strict=True):
        if mask.coloured == coloured:
            found.add(name, mask)
    return found


def soft_edges(mask: StoredMask) -> list[int]:
    """The numbers of a mask between the two that most pixels have, where they look like soft edges; else none.

    Resized or anti-aliased masks have a few pixels of many numbers between two that are far apart.
    """
    if mask.coloured or len(mask.values) < _BETWEEN + 2:
        return []
    order = mask.counts.argsort()[::-1]
    low, high = sorted(mask.values[order[:2]].tolist())
    between = (mask.values > low) & (mask.values < high)
    few = int(mask.counts[between].sum()) <= _FEW * int(mask.counts.sum())
    if high - low < _FAR or int(between.sum()) < _BETWEEN or not few:
        return []
    found: list[int] = mask.values[between].tolist()
    return found


def differing_palettes(names: Sequence[str], masks: Sequence[StoredMask]) -> tuple[int, str, int, str, int] | None:
    """A number that two masks' own palettes give different colours: the number, and name and colour of both."""
    seen: dict[int, tuple[str, int]] = {}
    for name, mask in zip(names, masks, strict=True):
        for value, colour in _shown(mask):
            other, there = seen.setdefault(value, (name, colour))
            if there != colour:
                return value, other, there, name, colour
    return None


def _shown(mask: StoredMask) -> Iterator[tuple[int, int]]:
    if mask.shown is not None:
        yield from zip(mask.values.tolist(), mask.shown.tolist(), strict=True)
