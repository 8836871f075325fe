"""A linear axis: where values stand on it, and at which round values it is labelled."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_TICKS = 5  # at most, about
_MARGIN = 0.04  # of the values' range, at both ends
_ROUNDING = 1e-9  # values that differ by so much of themselves are equal
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high`.

    Attributes:
        low: At the beginning.
        high: At the end; greater.
        ticks: Round values between them, with their texts.
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def share(self, value: float) -> float:
        """Where a value stands: 0 at the beginning, 1 at the end."""
        return (value - self.low) / (self.high - self.low)


def axis_of(values: Iterable[float], include: Iterable[float] = (), *, whole: bool = False) -> Axis:
    """An axis on which all values stand, with some room at both ends.

    Args:
        values: Finite; at least one.
        include: Further values that it must show, such as 0 of differences.
        whole: Whether labels are whole numbers, as of epochs.
    """
    known = [*values, *include]
    low, high = min(known), max(known)
    largest = max(abs(low), abs(high))
    alike = high - low <= _ROUNDING * largest
    room = (largest * _MARGIN or 1.0) if alike else (high - low) * _MARGIN
    low, high = low - room, high + room
    step = _step((high - low) / _TICKS)
    step = max(1.0, math.ceil(step)) if whole else step
    first = math.ceil(low / step)
    power = math.floor(math.log10(step))
    digits = 0 if whole else max(0, -power) + (round(step * 10.0**-power, 6) == 2.5)
    numbers = [number * step for number in range(first, math.floor(high / step) + 1)]
    return Axis(low, high, tuple((number, f"{number:.{digits}f}".replace("-", "−")) for number in numbers))


def _step(least: float) -> float:
    """The smallest round number that is as large."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in _STEPS if step * power >= least * (1 - 1e-9))
