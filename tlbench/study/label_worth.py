"""How many training images a source is worth: with how many random weights score as much."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.records.record import Record
from tlbench.statistics.paired import over_seeds
from tlbench.study.baselines import is_of_source, is_random, values_of

SIZES = ("data.shots", "data.fraction")
"""Factors by which arms have more or fewer training images."""


@dataclass(frozen=True)
class LabelWorth:
    """The training images that one arm's score would take from random weights.

    Attributes:
        arm: Of a source, with so many images.
        images: Its training images.
        worth: Images with which random weights score as much, the geometric mean over seeds; None where in some seeds
            they never do.
        low: Lower end of its interval over seeds; None for one seed, and where all are equal.
        high: Upper end.
        seeds: Those of which all points are there.
        never: Those in which random weights score less with as many images as they had at most.
        already: Those in which they score as much with as few as they had at least, and for which this counts.
        fewest: Images of the smallest point of random weights.
        most: Of the largest.
        confidence: Of the interval, in (0, 1).
    """

    arm: str
    images: int
    worth: float | None
    low: float | None
    high: float | None
    seeds: tuple[int, ...]
    never: tuple[int, ...]
    already: tuple[int, ...]
    fewest: int
    most: int
    confidence: float


def label_worths(
    runs: Mapping[str, Sequence[Record]],
    values: Mapping[str, Mapping[int, float]],
    factors: Sequence[str],
    confidence: float,
    *,
    higher_is_better: bool,
) -> tuple[LabelWorth, ...]:
    """That of each arm of a source, in a study of sources and of numbers of training images; of others none.

    Between two of their points random weights are taken to score linearly in the logarithm of the number; the first
    number that scores as much counts.

    Args:
        runs: Arm → its complete runs.
        values: Arm → seed → what it scored.
        factors: The declared factors.
        confidence: Of the intervals, in (0, 1).
        higher_is_better: Of the score.
    """
    sizes = [factor for factor in factors if factor in SIZES]
    if not sizes or not any(map(is_of_source, factors)):
        return ()
    others = [factor for factor in factors if factor not in sizes and not is_of_source(factor)]
    complete = {arm: found for arm, found in runs.items() if found and _images(found[0]) is not None}
    found = []
    for arm, of_arm in complete.items():
        config = of_arm[0].config
        rest = values_of(config, others)
        curve = {
            _images(these[0]) or 0: values[name]
            for name, these in complete.items()
            if is_random(these[0].config) and values_of(these[0].config, others) == rest
        }
        if not is_random(config) and len(curve) > 1:
            worth = _worth(arm, _images(of_arm[0]) or 0, values[arm], curve, confidence, 1 if higher_is_better else -1)
            found += [worth] if worth.seeds else []
    return tuple(found)


def sentences(worths: Sequence[LabelWorth], metric: str) -> Iterable[str]:
    """What each comes to, a line each.

    Args:
        worths: In one metric.
        metric: Such as `test/oa`.
    """
    for each in worths:
        begins = f"{each.arm}: its {each.images:,} training images are worth"
        seeds = f"{len(each.seeds)} seed{'s' * (len(each.seeds) > 1)}"
        if each.worth is None:
            yield (
                f"{begins} more than {each.most:,} from random weights by {metric}, in {len(each.never)} of {seeds} "
                "at least; more images, of which random weights are given more, would tell how many"
            )
            continue
        ends = "" if each.low is None or each.high is None else f" [{each.low:,.0f}, {each.high:,.0f}]"
        few = f"; in {len(each.already)} of them the fewest that these were given" if each.already else ""
        ratio = each.worth / each.images
        yield f"{begins} {each.worth:,.0f}{ends} from random weights by {metric}, {ratio:.1f} times, over {seeds}{few}"


def _images(record: Record) -> int | None:
    """The training images of a run, as its rule of the splits counts them."""
    counts = (record.data.split_rule if record.data else {}).get("counts")
    return int(counts["train"]) if isinstance(counts, dict) and isinstance(counts.get("train"), int) else None


def _worth(
    arm: str,
    images: int,
    scores: Mapping[int, float],
    curve: Mapping[int, Mapping[int, float]],
    confidence: float,
    sign: int,
) -> LabelWorth:
    sizes = sorted(curve)
    seeds = tuple(sorted(set(scores).intersection(*curve.values())))
    needed = {seed: _first(sizes, [sign * curve[size][seed] for size in sizes], sign * scores[seed]) for seed in seeds}
    never = tuple(seed for seed, found in needed.items() if found is None)
    already = tuple(seed for seed, found in needed.items() if found == sizes[0])
    logs = np.log([found for found in needed.values() if found is not None])
    worth = low = high = None
    if seeds and not never:
        worth = float(np.exp(logs.mean()))
        if len(logs) > 1 and np.ptp(logs) > 0:
            low, high = (math.exp(end) for end in over_seeds(logs).interval(confidence))
    return LabelWorth(arm, images, worth, low, high, seeds, never, already, sizes[0], sizes[-1], confidence)


def _first(sizes: Sequence[int], scores: Sequence[float], wanted: float) -> float | None:
    """The smallest size that scores as much, between two of them by its logarithm; None: none does."""
    if scores[0] >= wanted:
        return float(sizes[0])
    for i in range(1, len(sizes)):
        if scores[i] >= wanted:
            part = (wanted - scores[i - 1]) / (scores[i] - scores[i - 1])
            return float(sizes[i - 1] * (sizes[i] / sizes[i - 1]) ** part)
    return None
