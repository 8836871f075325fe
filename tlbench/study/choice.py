"""The best of an arm's trials, and what limits the choice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from tlbench.records.tuning import SearchRecord, TrialRecord, TuningRecord
from tlbench.tasks.spec import Mode

_EDGE = 0.05
"""Outermost part of a range, on its logarithm, at either end: a best value in it may lie beyond."""


def choose(
    search: SearchRecord, trials: Sequence[TrialRecord], mode: Mode, warnings: Iterable[str] = ()
) -> TuningRecord | None:
    """Take the values of the trial with the best metric, the first of equal ones; None where all failed.

    Args:
        search: What was searched.
        trials: All of its trials.
        mode: The metric's better direction.
        warnings: What limits the choice, beside a best value at the edge of its range.
    """
    worked = [(trial.value, trial) for trial in trials if trial.value is not None and math.isfinite(trial.value)]
    if not worked:
        return None
    value, best = (max if mode == "max" else min)(worked, key=lambda pair: pair[0])
    at_edge = edge_warnings(search.ranges, best.values, f"{search.monitor} {value:.4f}")
    return TuningRecord(**search.model_dump(), trials=list(trials), chosen=best.values, warnings=[*warnings, *at_edge])


def edge_warnings(ranges: Mapping[str, Sequence[float]], values: Mapping[str, float], metric: str) -> Iterable[str]:
    """A warning for each value in the outermost twentieth of its range, on a log scale."""
    for key, value in values.items():
        low, high = ranges[key]
        place = math.log(value / low) / math.log(high / low)
        if not _EDGE < place < 1 - _EDGE:
            yield (
                f"{key}={value:g} was the best ({metric}) at the edge of the range searched, [{low:g}, {high:g}]: a "
                f"better one may lie beyond; widen tuning.ranges.{key} in another study"
            )
