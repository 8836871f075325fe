"""What comparisons come to, each by a p-value that is adjusted for all of its family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tlbench.statistics.estimate import Estimate
from tlbench.statistics.multiplicity import holm, simultaneous
from tlbench.statistics.power import minimal_shift, seeds_needed, upper_spread
from tlbench.statistics.verdict import verdict
from tlbench.study.differences import PairedDifference

_MOST_SEEDS = 1000  # that are said to be needed


def with_verdicts(
    differences: Sequence[PairedDifference], *, higher_is_better: bool = True, margin: float | None = None
) -> list[PairedDifference]:
    """The comparisons of one metric with p-values adjusted for their number, and what each comes to.

    Args:
        differences: All that are reported of the metric: the family.
        higher_is_better: Of the metric.
        margin: Differences up to it do not matter; None: equivalence is not asked for.
    """
    sign = 1 if higher_is_better else -1
    estimates = {i: found for i, each in enumerate(differences) if (found := estimates_of(each))}
    p = dict(zip(estimates, holm([max(e.p for e in both) for both in estimates.values()]), strict=True))
    outside: dict[int, float] = {}
    if margin is not None:
        beyond = [max(e.beyond(margin) for e in both) for both in estimates.values()]
        outside = dict(zip(estimates, holm(beyond), strict=True))
    judged = list(differences)
    for i, both in estimates.items():
        each, estimate, alpha = differences[i], both[0], (1 - differences[i].confidence) / len(estimates)
        level = simultaneous(each.confidence, len(estimates))
        judged[i] = replace(
            each,
            holm=p[i],
            verdict=verdict(sign * estimate.mean, p[i], 1 - each.confidence, outside.get(i)),
            margin=margin,
            equivalence=outside.get(i),
            simultaneous=max((e.interval(level) for e in both), key=lambda ends: ends[1] - ends[0]),
            detectable=max(e.error * minimal_shift(e.df, alpha) for e in both),
            seeds_needed=_seeds_needed(each, estimate, alpha),
        )
    return judged


def estimates_of(paired: PairedDifference) -> list[Estimate]:
    """The one that its interval is of, and the other one, if there is one: which is the wider depends on the
    confidence, as that over the seeds has fewer degrees of freedom. None where there is no interval.
    """
    if paired.mean is None or paired.error is None or paired.df is None:
        return []
    both = [(paired.error, paired.df), *([] if paired.narrower is None else [paired.narrower])]
    return [Estimate(paired.mean, error, df) for error, df in both]


def _seeds_needed(paired: PairedDifference, estimate: Estimate, alpha: float) -> int | None:
    if not paired.std or not estimate.mean:
        return None
    spread, images = upper_spread(paired.std, paired.n), estimate.error**2 - paired.std**2 / paired.n
    return seeds_needed(abs(estimate.mean), spread, max(images, 0.0), alpha, most=_MOST_SEEDS)
