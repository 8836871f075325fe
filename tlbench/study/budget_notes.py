"""That a difference may be one of the budget: an arm that still rises, or has not learnt what it was shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.records.record import Record
from tlbench.statistics.paired import over_seeds
from tlbench.statistics.trend import doubling_gain
from tlbench.study.arm import Arm
from tlbench.study.floors import Floor
from tlbench.study.monitored import Monitored, monitored, of_one_monitor

_ALPHA = 0.1
"""One-sided, of "it rises" and "it lags in training": a warning too many costs less than one too few."""

_OF_RISE = 0.25
"""The share of the arms' difference that a doubling of the epochs must promise, to be worth a note."""

_OF_LAG = 0.5
"""The share of the arms' difference on validation that must be there on training images already."""


@dataclass(frozen=True)
class _Pair:
    """Two compared arms, the one behind and the one ahead on validation, by seed; `gap` is their difference, ≥ 0."""

    behind: str
    ahead: str
    curves: Mapping[str, Mapping[int, Monitored]]
    gap: float
    sign: int


def budget_notes(
    compared: Mapping[str, str],
    runs: Mapping[str, Sequence[Record]],
    primary: str,
    margin: float | None,
    percent: Collection[str],
) -> Iterable[str]:
    """Which arms still rise at their last epoch, and which are behind on their own training images already.

    An arm rises where, over the last third of its epochs, its curves do so beyond their scatter, and by so much that a
    doubling of the epochs would add more than the margin, or else a quarter of the arms' difference. A falling
    learning rate lifts curves at the end, too, and then flattens them: what rises may be near its end, and what is
    flat need not be.

    Args:
        compared: Arm → its baseline.
        runs: Arm → its complete runs.
        primary: The metric that arms are compared by.
        margin: Differences of it up to this one do not matter; None: none is given.
        percent: Names of metrics that are shown in percent.
    """
    pairs = [pair for a, b in compared.items() if (pair := _pair(a, b, runs)) is not None]
    for arm in dict.fromkeys(name for names in compared.items() for name in names):
        yield from _rising(arm, [pair for pair in pairs if arm in (pair.behind, pair.ahead)], primary, margin, percent)
    for arm in dict.fromkeys(pair.behind for pair in pairs):
        yield from _lagging(arm, [pair for pair in pairs if pair.behind == arm], runs, percent)


def at_the_floor(arms: Iterable[Arm], floor: Floor | None, primary: str, *, higher_is_better: bool) -> Iterable[str]:
    """Which arms have learnt nothing that shows: no better than calling everything the most frequent class.

    Args:
        arms: Of the study.
        floor: What that reaches; None: it is not known.
        primary: The metric that arms are compared by.
        higher_is_better: Its direction.
    """
    reached = None if floor is None else floor.metrics.get(primary)
    for arm in arms:
        mean = arm.metrics[primary].mean
        if floor is None or reached is None or mean is None or (mean > reached if higher_is_better else mean < reached):
            continue
        yield (
            f"{arm.name} is no better than calling everything {floor.name!r}: it has learnt nothing that shows, and a "
            "difference from it says little; more epochs or another learning rate may help."
        )


def ended_by_time(runs: Mapping[str, Sequence[Record]]) -> Iterable[str]:
    """After how many epochs the time was used up in each arm.

    Args:
        runs: Arm → its complete runs.
    """
    for arm, of in runs.items():
        ended = [(run, stopped.epochs) for run in of if (stopped := run.volatile.stopped_by_time) is not None]
        if ended:
            epochs, trainer = sorted(count for _, count in ended), ended[0][0].config["trainer"]
            after = f"{epochs[0]} to {epochs[-1]}" if epochs[0] < epochs[-1] else f"{epochs[0]}"
            which = f"{len(ended)} of {len(of)} runs of {arm}" if len(ended) < len(of) else arm
            yield (
                f"trainer.max_time_s={trainer['max_time_s']:g} ended {which} after {after} of {trainer['max_epochs']} "
                "epochs."
            )


def _pair(a: str, b: str, runs: Mapping[str, Sequence[Record]]) -> _Pair | None:
    curves = {
        name: {run.seed: curve for run in runs.get(name, ()) if (curve := monitored(run)) is not None}
        for name in (a, b)
    }
    known = [curve for found in curves.values() for curve in found.values()]
    if not all(curves.values()) or not of_one_monitor(known):
        return None
    sign = 1 if known[0].higher_is_better else -1
    means = {name: float(np.mean([curve.best for curve in found.values()])) for name, found in curves.items()}
    gap = sign * (means[a] - means[b])
    return _Pair(b if gap > 0 else a, a if gap > 0 else b, curves, abs(gap), sign)


def _rising(
    arm: str, pairs: Sequence[_Pair], primary: str, margin: float | None, percent: Collection[str]
) -> Iterable[str]:
    if not pairs:
        return
    sign, curves = pairs[0].sign, list(pairs[0].curves[arm].values())
    gain = doubling_gain([(curve.epochs, [sign * value for value in curve.values]) for curve in curves])
    monitor = curves[0].monitor
    same = monitor.partition("/")[2] == primary.partition("/")[2]
    least = margin if same else None
    worth = [p for p in pairs if gain is not None and gain.mean > (_OF_RISE * p.gap if least is None else least)]
    if gain is None or not worth or gain.tail(0) >= _ALPHA:
        return
    ends = {"smaller" if pair.behind == arm else "larger" for pair in worth}
    others = list(dict.fromkeys(pair.ahead if pair.behind == arm else pair.behind for pair in worth))
    then = f"be {ends.pop()}" if len(ends) == 1 else "change"
    yield (
        f"{arm} still rises at its last epoch: {monitor} would {'gain' if sign > 0 else 'fall by'} about "
        f"{_amount(gain.mean, monitor, percent)} in twice the epochs, if it went on as in the last third; its "
        f"difference from {', '.join(others)} may then {then}."
    )


def _lagging(
    arm: str, pairs: Iterable[_Pair], runs: Mapping[str, Sequence[Record]], percent: Collection[str]
) -> Iterable[str]:
    found = [(pair, scores) for pair in pairs if (scores := _lag(pair, runs)) is not None]
    if found:
        name = _of_training(found[0][0])
        own = _score(found[0][1][0], name, percent)
        others = ", ".join(f"{pair.ahead} {_score(ahead, name, percent)}" for pair, (_, ahead) in found)
        yield (
            f"{arm} is behind on its own training images, too ({name} {own}, {others}, as measured while training): it "
            "has learnt less of what it was shown, which more epochs or another learning rate may change."
        )


def _lag(pair: _Pair, runs: Mapping[str, Sequence[Record]]) -> tuple[float, float] | None:
    """The last scores on training images of the arm behind and of the one ahead, where the first lags; else None.

    Only where both train the same layer groups: what is frozen cannot learn.
    """
    behind, ahead = ({run.seed: run for run in runs[name]} for name in (pair.behind, pair.ahead))
    seeds = sorted(behind.keys() & ahead.keys())
    name = _of_training(pair)
    scores = [[score for seed in seeds if (score := _last(of[seed], name)) is not None] for of in (behind, ahead)]
    trained = {tuple(run.stages[-1].trainable) if run.stages else () for of in (behind, ahead) for run in of.values()}
    if len(seeds) < 2 or len(trained) > 1 or any(len(of) < len(seeds) for of in scores):
        return None
    lag = over_seeds(pair.sign * np.subtract(scores[1], scores[0]))
    lags = lag.mean > _OF_LAG * pair.gap and lag.tail(0) < _ALPHA
    return (float(np.mean(scores[0])), float(np.mean(scores[1]))) if lags else None


def _of_training(pair: _Pair) -> str:
    return next(iter(pair.curves[pair.behind].values())).monitor.replace("val/", "train/", 1)


def _last(run: Record, name: str) -> float | None:
    """A metric's last value."""
    return next((value for row in reversed(run.curves) if (value := row.get(name)) is not None), None)


def _amount(value: float, metric: str, percent: Collection[str]) -> str:
    return f"{100 * value:.1f} points" if metric.rpartition("/")[2] in percent else f"{value:.3f}"


def _score(value: float, metric: str, percent: Collection[str]) -> str:
    return f"{100 * value:.1f} %" if metric.rpartition("/")[2] in percent else f"{value:.3f}"
