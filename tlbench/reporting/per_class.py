"""How arms differ in each class: to explore, with a correction for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tlbench.records.record import Record
from tlbench.study.crossed_images import ScoredRun
from tlbench.study.differences import PairedDifference, paired_difference
from tlbench.study.verdicts import with_verdicts

_TEST = "test/"
_SEEDS_ALONE = "classes are compared over the seeds alone"


@dataclass(frozen=True)
class ClassDifference:
    """An arm minus its baseline in a metric of one class.

    Attributes:
        name: Of the class.
        arm: Mean of the arm over its seeds.
        baseline: Mean of the baseline.
        paired: Over the seeds alone, with p-values adjusted for all classes.
    """

    name: str
    arm: float
    baseline: float
    paired: PairedDifference


def metrics_of_classes(records: Sequence[Record]) -> Mapping[str, Sequence[str]]:
    """Metric, such as `test/f1`, → the classes that it is kept of, where there are several.

    Args:
        records: Of complete runs of one data set.
    """
    found: dict[str, list[str]] = {}
    names = records[0].data.class_names if records and records[0].data else []
    for key in records[0].metrics if records else ():
        metric, _, name = key.removeprefix(_TEST).partition("/")
        if key.startswith(_TEST) and name in names:
            found.setdefault(_TEST + metric, []).append(name)
    return {metric: classes for metric, classes in found.items() if len(classes) > 1}


def class_differences(
    arm: Sequence[Record], baseline: Sequence[Record], metric: str, classes: Sequence[str], confidence: float
) -> list[ClassDifference]:
    """The difference in each class in which the metric is defined in a common seed, the largest first.

    Args:
        arm: Complete runs.
        baseline: Likewise.
        metric: That is kept by class, the higher the better.
        classes: Their names.
        confidence: Of the intervals, in (0, 1).
    """
    sides = [[_values(records, f"{metric}/{name}") for name in classes] for records in (arm, baseline)]
    both = [(name, a, b) for name, a, b in zip(classes, *sides, strict=True) if a.keys() & b.keys()]
    runs = tuple({run.seed: ScoredRun(run, _SEEDS_ALONE) for run in records} for records in (arm, baseline))
    pairs = [paired_difference(a, b, confidence, (runs[0], runs[1]), metric) for _, a, b in both]
    family = with_verdicts(pairs, higher_is_better=True)
    found = [
        ClassDifference(name, _mean(a), _mean(b), paired) for (name, a, b), paired in zip(both, family, strict=True)
    ]
    return sorted(found, key=lambda each: -abs(each.paired.mean or 0.0))


def _values(records: Sequence[Record], key: str) -> dict[int, float]:
    return {run.seed: value for run in records if (value := run.metrics.get(key)) is not None}


def _mean(values: Mapping[int, float]) -> float:
    return sum(values.values()) / len(values)
