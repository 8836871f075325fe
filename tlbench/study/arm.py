"""An arm of a study: its runs, summed up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tlbench.statistics.spread import Spread


@dataclass(frozen=True)
class Arm:
    """The runs of one arm.

    Attributes:
        name: The declared factors' values.
        source: Name of the source; None where no run left a record.
        seeds: Of the complete runs.
        n_complete: Number of complete runs; only these enter the metrics.
        n_failed: Number of runs that did not complete.
        metrics: Per metric its spread over those complete runs in which it is defined.
        fit_s: Mean training time in seconds of the complete runs that were never resumed; None without such a run.
        tuned: The values chosen for the arm's tuned keys.
        kept: Which of the seeds are not of this command, but were there before.
    """

    name: str
    source: str | None
    seeds: tuple[int, ...]
    n_complete: int
    n_failed: int
    metrics: Mapping[str, Spread]
    fit_s: float | None
    tuned: Mapping[str, float] = field(default_factory=dict)
    kept: tuple[int, ...] = ()
