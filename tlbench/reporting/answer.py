"""What a comparison comes to, in one sentence."""

from __future__ import annotations

from tlbench.study.comparisons import Difference
from tlbench.study.sentences import covered, difference_line, signed


def answer(d: Difference, comparisons: int, *, percent: bool) -> str:
    """For example `tin200 is better than random by 3.59 points test/oa, 95% interval [+0.64, +6.54] over 3 seeds and
    901 test images (p = 0.035).`

    Args:
        d: Of two arms, in the metric that arms are compared by.
        comparisons: In the family that its p-value is adjusted for.
        percent: Whether the metric is shown in percent.
    """
    paired = d.paired
    if paired.mean is None or paired.low is None or paired.high is None or paired.holm is None:
        return f"{difference_line(d, percent=percent)}."
    unit = f"points {d.metric}" if percent else d.metric
    ends = f"[{signed(paired.low, percent)}, {signed(paired.high, percent)}]"
    interval = f"{100 * paired.confidence:g}% interval {ends} over {covered(paired)}"
    p = paired.equivalence if paired.verdict == "equivalent" and paired.equivalence is not None else paired.holm
    family = f", after Holm's correction for {comparisons} comparisons" if comparisons > 1 else ""
    sure = f"(p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}{family})"
    size = signed(abs(paired.mean), percent)[1:]
    if paired.verdict in ("better", "worse"):
        return f"{d.arm} is {paired.verdict} than {d.baseline} by {size} {unit}, {interval} {sure}."
    shift = f"{signed(paired.mean, percent)} {unit}, {interval} {sure}"
    if paired.verdict == "equivalent" and paired.margin is not None:
        within = f"±{signed(paired.margin, percent)[1:]} {unit}"
        return f"{d.arm} and {d.baseline} are equivalent within {within}: {shift}."
    return f"Whether {d.arm} is better or worse than {d.baseline} is undecided, which does not mean equal: {shift}."
