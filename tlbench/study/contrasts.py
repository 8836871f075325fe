"""Arms with their runs, from which differences and other contrasts are taken, a family at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tlbench.records.record import Record
from tlbench.study.crossed_images import Rows, ScoredRun
from tlbench.study.differences import PairedDifference, Term, paired_contrast
from tlbench.study.scored_images import Looked, drawn_as_often, grouped_alike, scored_images
from tlbench.study.verdicts import with_verdicts
from tlbench.tasks.registry import spec_of_stored

Weights = Mapping[str, float]
"""Arm → what its values are multiplied with; 1 and −1 of a difference."""


class ScoredArms:
    """The complete runs of arms, what each scored, and what it kept of each test image."""

    def __init__(
        self,
        arms: Iterable[str],
        runs: Mapping[str, Sequence[Record]],
        values: Mapping[str, Mapping[str, Mapping[int, float]]],
        confidence: float,
        look: Looked = scored_images,
    ) -> None:
        """Read what the runs kept of their test images.

        Args:
            arms: That are compared.
            runs: Arm → its complete runs.
            values: Arm → metric → seed → value, where it is defined.
            confidence: Of the intervals, in (0, 1).
            look: Reads what a run kept.
        """
        arms = list(dict.fromkeys(arms))
        records = [run for arm in arms for run in runs[arm]]
        self.confidence = confidence
        self._values = values
        self._spec = spec_of_stored(records[0].task, records[0].config) if records else None
        images = iter(drawn_as_often(grouped_alike([look(run) for run in records])))
        self._runs = {arm: {run.seed: ScoredRun(run, next(images)) for run in runs[arm]} for arm in arms}

    def higher_is_better(self, metric: str) -> bool:
        """Of a metric such as `test/oa`."""
        return self._spec is None or self._spec.better(metric) == "max"

    def is_rate(self, metric: str) -> bool:
        """Whether 1 is the best that a metric can be, and what is missing of it a rate of errors."""
        name = metric.rpartition("/")[2]
        metrics = self._spec.metrics if self._spec else ()
        return any(each.name == name and each.percent and each.better == "max" for each in metrics)

    def mean(self, arm: str, metric: str, seeds: Iterable[int]) -> float:
        """An arm's mean over seeds that it has."""
        found = [self._values[arm][metric][seed] for seed in seeds]
        return sum(found) / len(found)

    def common_seeds(self, arms: Iterable[str], metric: str) -> list[int]:
        """The seeds in which a metric is defined in all arms."""
        return sorted(set.intersection(*(set(self._values[arm][metric]) for arm in arms)))

    def values(self, weights: Weights, metric: str) -> NDArray[np.float64]:
        """(n,) weighted sums of arms in the seeds that all of them have."""
        seeds = self.common_seeds(weights, metric)
        return np.array([sum(w * self._values[arm][metric][seed] for arm, w in weights.items()) for seed in seeds])

    def rows(self, weights: Weights, metric: str) -> Rows:
        """The runs of these seeds, a row a seed, in the order of the arms."""
        return [tuple(self._runs[arm][seed] for arm in weights) for seed in self.common_seeds(weights, metric)]

    def contrast(self, weights: Weights, metric: str) -> PairedDifference:
        """A weighted sum of arms with its interval; without a verdict, which is the family's."""
        terms = [Term(weight, self._values[arm][metric], self._runs[arm]) for arm, weight in weights.items()]
        return paired_contrast(terms, self.confidence, metric, higher_is_better=self.higher_is_better(metric))

    def family(self, contrasts: Sequence[Weights], metric: str, margin: float | None = None) -> list[PairedDifference]:
        """Contrasts in one metric, with p-values that are adjusted for their number, and verdicts.

        Args:
            contrasts: All that are reported together.
            metric: Such as `test/oa`.
            margin: Differences up to it do not matter; None: equivalence is not asked for.
        """
        found = [self.contrast(weights, metric) for weights in contrasts]
        return with_verdicts(found, higher_is_better=self.higher_is_better(metric), margin=margin)
