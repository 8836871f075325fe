"""How long each of two compared arms trains until it has the score that the worse of both ends with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tlbench.records.record import Record
from tlbench.statistics.reaching import Spent, first_reaching, spent
from tlbench.study.monitored import Monitored, monitored, of_one_monitor


@dataclass(frozen=True)
class TimeToScore:
    """Epochs, steps and seconds of training until a score on validation, of an arm and its baseline, paired by seed.

    The score is the mean over the seeds of the worse arm's best epochs: what it has in the end. About half of that
    arm's seeds never have it; they count with all that they trained, so that this arm's figures are lower bounds.

    Attributes:
        arm: Compared with …
        baseline: … this one.
        monitor: The validation metric that chose the best epochs.
        score: In its own unit.
        of: The arm that ends with it.
        seeds: Those of which both arms have curves.
        never: Arm → its seeds that never reach the score.
        epochs: Until the first epoch that reaches it.
        steps: Likewise.
        seconds: Likewise, of training with its validation; None where one of the runs was resumed and did not count.
        equal_epochs: Whether `seconds` take all epochs of a run to be of one length, as a record does not say it.
        longest: Arm → the most epochs that one of its runs trained.
        confidence: Of the intervals, in (0, 1).
    """

    arm: str
    baseline: str
    monitor: str
    score: float
    of: str
    seeds: tuple[int, ...]
    never: Mapping[str, tuple[int, ...]]
    epochs: Spent
    steps: Spent
    seconds: Spent | None
    equal_epochs: bool
    longest: Mapping[str, int]
    confidence: float


def times_to_score(
    compared: Mapping[str, str], runs: Mapping[str, Sequence[Record]], confidence: float
) -> tuple[TimeToScore, ...]:
    """That of each comparison whose runs left curves of one monitored metric; others have none.

    Args:
        compared: Arm → its baseline.
        runs: Arm → its complete runs.
        confidence: Of the intervals, in (0, 1).
    """
    found = [_time_to_score((a, b), (runs.get(a, ()), runs.get(b, ())), confidence) for a, b in compared.items()]
    return tuple(each for each in found if each is not None)


def _time_to_score(
    names: tuple[str, str], runs: tuple[Sequence[Record], Sequence[Record]], confidence: float
) -> TimeToScore | None:
    a, b = ({run.seed: curve for run in of if (curve := monitored(run)) is not None} for of in runs)
    seeds = sorted(a.keys() & b.keys())
    pairs = [a[seed] for seed in seeds], [b[seed] for seed in seeds]
    if not of_one_monitor([*pairs[0], *pairs[1]]):
        return None
    higher = pairs[0][0].higher_is_better
    means = [float(np.mean([curve.best for curve in curves])) for curves in pairs]
    worse = 0 if (means[0] < means[1] if higher else means[0] > means[1]) else 1  # the baseline where both are equal
    ends = [[_end(curve, means[worse]) for curve in curves] for curves in pairs]

    def until(of: str) -> Spent:
        arm, baseline = ([getattr(end, of) for end in found] for found in ends)
        shortest = min(getattr(_last(c), of) / c.epochs[-1] for curves in pairs for c in curves)
        return spent(arm, baseline, 1.0 if of == "epochs" else shortest, confidence)

    curves = [*pairs[0], *pairs[1]]
    return TimeToScore(
        arm=names[0],
        baseline=names[1],
        monitor=curves[0].monitor,
        score=means[worse],
        of=names[worse],
        seeds=tuple(seeds),
        never={
            name: tuple(seed for seed, end in zip(seeds, found, strict=True) if not end.reached)
            for name, found in zip(names, ends, strict=True)
        },
        epochs=until("epochs"),
        steps=until("steps"),
        seconds=None if any(curve.seconds is None for curve in curves) else until("seconds"),
        equal_epochs=any(not curve.clocked for curve in curves),
        longest={name: max(c.epochs[-1] for c in found) for name, found in zip(names, pairs, strict=True)},
        confidence=confidence,
    )


class _End(NamedTuple):
    """Where a curve reaches the score, or else ends."""

    reached: bool
    epochs: int
    steps: int
    seconds: float


def _end(curve: Monitored, score: float) -> _End:
    i = first_reaching(curve.values, score, higher_is_better=curve.higher_is_better)
    return _last(curve) if i is None else _at(curve, i)._replace(reached=True)


def _last(curve: Monitored) -> _End:
    return _at(curve, len(curve.values) - 1)


def _at(curve: Monitored, i: int) -> _End:
    seconds = math.nan if curve.seconds is None else curve.seconds[i]
    return _End(False, curve.epochs[i], curve.steps[i], seconds)
