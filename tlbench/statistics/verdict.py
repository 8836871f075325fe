"""What a comparison comes to."""

from __future__ import annotations

from typing import Literal

from tlbench.statistics.estimate import Estimate

Verdict = Literal["better", "worse", "equivalent", "undecided"]


def verdict(estimate: Estimate, p: float, alpha: float, margin: float | None = None) -> Verdict:
    """`better` or `worse` by the adjusted p-value; else `equivalent` if within the margin beyond doubt; or `undecided`.

    Args:
        estimate: Of the mean difference, higher is better.
        p: Two-sided p-value of "the mean is zero", adjusted for the number of comparisons.
        alpha: Errors allowed in the whole family, in (0, 1).
        margin: Differences up to it do not matter, > 0; None: equivalence is not asked for.
    """
    if p < alpha and estimate.mean != 0:
        return "better" if estimate.mean > 0 else "worse"
    return "equivalent" if margin is not None and estimate.beyond(margin) < alpha else "undecided"
