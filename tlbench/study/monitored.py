"""The curve by which a run's best epoch was chosen, and when each of its epochs ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.records.record import Record
from tlbench.tasks.registry import spec_of_stored


@dataclass(frozen=True)
class Monitored:
    """A run's validation curve; an entry for each epoch that has a value, in order.

    Attributes:
        monitor: The metric, `val/…`.
        higher_is_better: Its direction.
        epochs: Completed when the value was taken, from 1.
        steps: Training steps completed by then.
        values: Finite.
        seconds: Of training by then; None where that is not known.
        clocked: Whether these were measured, and are no equal shares of the whole training.
    """

    monitor: str
    higher_is_better: bool
    epochs: tuple[int, ...]
    steps: tuple[int, ...]
    values: tuple[float, ...]
    seconds: tuple[float, ...] | None
    clocked: bool

    @property
    def best(self) -> float:
        """The best value."""
        return max(self.values) if self.higher_is_better else min(self.values)


def monitored(run: Record) -> Monitored | None:
    """The curve of a run; None where its record has none."""
    if run.best is None:
        return None
    monitor = run.best.monitor
    rows = [row for row in run.curves if (value := row.get(monitor)) is not None and math.isfinite(value)]
    epochs = [round(row.get("epoch") or 0) for row in rows]
    if not rows or min(epochs) < 1:
        return None
    seconds = _epoch_ends(run)
    return Monitored(
        monitor=monitor,
        higher_is_better=spec_of_stored(run.task, run.config).better(monitor) == "max",
        epochs=tuple(epochs),
        steps=tuple(round(row.get("step") or 0) for row in rows),
        values=tuple(float(row[monitor] or 0.0) for row in rows),
        seconds=None if seconds is None else tuple(seconds[epoch - 1] for epoch in epochs),
        clocked=bool(run.volatile.epoch_ends_s),
    )


def of_one_monitor(curves: Sequence[Monitored]) -> bool:
    """Whether curves can be held against each other: there are some, all of the same metric."""
    return len({curve.monitor for curve in curves}) == 1


def _epoch_ends(run: Record) -> list[float] | None:
    """Seconds of training at each epoch's end.

    Records that do not have them get equal shares of the whole training, or None where the run was resumed. Features
    that were computed once, before the first epoch, count in each.
    """
    v, epochs = run.volatile, max(round(row.get("epoch") or 0) for row in run.curves)
    if len(v.epoch_ends_s) >= epochs:
        return v.epoch_ends_s
    if v.fit_s is None or v.resumes:
        return None
    once = min(v.cache_s or 0.0, v.fit_s)
    return [once + (v.fit_s - once) * (number + 1) / epochs for number in range(epochs)]
