"""The differences that a study reports: of each arm from its baseline, in each metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tlbench.records.record import Record
from tlbench.study.differences import PairedDifference, ScoredRun, paired_difference, with_verdicts
from tlbench.study.scored_images import scored_images
from tlbench.tasks.registry import spec_of_stored


@dataclass(frozen=True)
class Difference:
    """An arm minus its baseline in one metric, paired by seed."""

    arm: str
    baseline: str
    metric: str
    paired: PairedDifference


def comparisons(
    compared: Mapping[str, str],
    runs: Mapping[str, Sequence[Record]],
    values: Mapping[str, Mapping[str, Mapping[int, float]]],
    metrics: Sequence[str],
    confidence: float,
    margin: float | None,
) -> tuple[Difference, ...]:
    """All of them, by arm and then by metric; those in one metric are the family that p-values are adjusted for.

    Args:
        compared: Arm → its baseline.
        runs: Arm → its complete runs.
        values: Arm → metric → seed → value, where it is defined.
        metrics: The primary one first.
        confidence: Of the intervals, in (0, 1).
        margin: Differences of the primary metric up to it do not matter; None: equivalence is not asked for.
    """
    scored = {
        arm: {run.seed: ScoredRun(run, scored_images(run)) for run in runs[arm]}
        for arm in {*compared, *compared.values()}
    }
    found: dict[tuple[str, str], Difference] = {}
    for metric in metrics:
        records = [run for arm in compared for run in runs[arm]]
        higher = not records or spec_of_stored(records[0].task, records[0].config).better(metric) == "max"
        family = [
            paired_difference(
                values[a][metric],
                values[b][metric],
                confidence,
                (scored[a], scored[b]),
                metric,
                higher_is_better=higher,
            )
            for a, b in compared.items()
        ]
        family = with_verdicts(family, higher_is_better=higher, margin=margin if metric == metrics[0] else None)
        for (a, b), paired in zip(compared.items(), family, strict=True):
            found[a, metric] = Difference(a, b, metric, paired)
    return tuple(found[a, metric] for a in compared for metric in metrics)
