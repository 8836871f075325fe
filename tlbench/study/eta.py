"""About how long a study's runs take still, and how that is said."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Sequence


def time_left(running: Sequence[float | None], waiting: Sequence[float | None], at_a_time: int) -> float | None:
    """Seconds until all are done: who waits begins, in this order, where a place becomes free first.

    Args:
        running: Seconds that each running one takes still, ≥ 0.
        waiting: Seconds that each takes that has not begun, ≥ 0.
        at_a_time: How many run at a time, ≥ 1.

    Returns:
        None where one of them is not known.
    """
    known = [each for each in running if each is not None]
    if len(known) < len(running) or None in waiting:
        return None
    places = sorted([*known, *[0.0] * (at_a_time - len(known))])
    for each in waiting:
        assert each is not None
        heapq.heapreplace(places, places[0] + each)
    return max(places, default=0.0)


class Durations:
    """How long whole runs took, by what is alike among them, such as their arm."""

    def __init__(self, known: Iterable[tuple[Hashable, float]] = ()) -> None:
        self._known: dict[Hashable, list[float]] = {}
        for key, seconds in known:
            self.add(key, seconds)

    def add(self, key: Hashable, seconds: float) -> None:
        """One has taken so long."""
        self._known.setdefault(key, []).append(seconds)

    def of(self, key: Hashable, estimated: Durations | None = None) -> float | None:
        """The mean of those that are alike, else of all; None where there is none.

        Args:
            key: Of the run.
            estimated: How long running ones will have taken; for want of finished ones that are alike.
        """
        both = [self._known, {} if estimated is None else estimated._known]
        alike = [known.get(key) for known in both]
        all_there_are = [[each for of in known.values() for each in of] for known in both]
        found = next((each for each in (*alike, *all_there_are) if each), None)
        return sum(found) / len(found) if found else None


def duration(seconds: float) -> str:
    """`86 s`, `12 min`, `2.5 h`."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{seconds / 3600:.1f} h"
