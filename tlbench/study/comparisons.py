"""The differences that a study reports: of each arm from its baseline and of the other pairs, in each metric."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tlbench.study.contrasts import ScoredArms
from tlbench.study.differences import PairedDifference
from tlbench.study.error_ratio import ErrorRatio, error_ratio

MOST_ARMS = 6
"""Arms of which all pairs are compared."""


@dataclass(frozen=True)
class Difference:
    """An arm minus another in one metric, paired by seed.

    Attributes:
        arm: The one.
        baseline: The other.
        metric: Such as `test/oa`.
        paired: The difference.
        with_baseline: Whether the other is the baseline; else it is one of the other pairs of arms.
        exploratory: Not of the metric that arms are compared by: to suggest a question, not to answer one.
        errors: Ratio of their error rates, of metrics that are shown in percent and the higher the better.
    """

    arm: str
    baseline: str
    metric: str
    paired: PairedDifference
    with_baseline: bool = True
    exploratory: bool = False
    errors: ErrorRatio | None = None


def other_pairs(names: Sequence[str], compared: Mapping[str, str]) -> list[tuple[str, str]]:
    """The pairs of arms beside those with the baseline, where all have the same one and are few (`MOST_ARMS`).

    They differ in one factor alone, as all of them differ from that baseline in it alone.

    Args:
        names: All arms, in declared order.
        compared: Arm → its baseline.
    """
    if len(set(compared.values())) != 1 or len(compared) >= MOST_ARMS:
        return []
    return list(itertools.combinations([name for name in names if name in compared], 2))


def comparisons(
    scored: ScoredArms,
    compared: Mapping[str, str],
    others: Sequence[tuple[str, str]],
    metrics: Sequence[str],
    margin: float | None,
) -> tuple[Difference, ...]:
    """All of them, by pair and then by metric; those in one metric are the family that p-values are adjusted for.

    Args:
        scored: The arms.
        compared: Arm → its baseline.
        others: Further pairs.
        metrics: The primary one first.
        margin: Differences of the primary metric up to it do not matter; None: equivalence is not asked for.
    """
    pairs = [*compared.items(), *others]
    contrasts = [{a: 1.0, b: -1.0} for a, b in pairs]
    families = {
        metric: scored.family(contrasts, metric, margin if metric == metrics[0] else None) for metric in metrics
    }
    return tuple(
        Difference(
            a,
            b,
            metric,
            families[metric][i],
            with_baseline=i < len(compared),
            exploratory=metric != metrics[0],
            errors=error_ratio(scored, a, b, metric),
        )
        for i, (a, b) in enumerate(pairs)
        for metric in metrics
    )
