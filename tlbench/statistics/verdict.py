"""What a comparison comes to."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["better", "worse", "equivalent", "undecided"]


def verdict(mean: float, p: float, alpha: float, equivalence: float | None = None) -> Verdict:
    """`better` or `worse` by the adjusted p-value; else `equivalent` if within the margin beyond doubt; or `undecided`.

    Args:
        mean: The difference, higher is better.
        p: Two-sided p-value of "the mean is zero", adjusted for the number of comparisons.
        alpha: Errors allowed in the whole family, in (0, 1).
        equivalence: P-value of "the mean lies outside the margin", adjusted likewise; None: there is no margin.
    """
    if p < alpha and mean != 0:
        return "better" if mean > 0 else "worse"
    return "equivalent" if equivalence is not None and equivalence < alpha else "undecided"
