"""A comparison in plain sentences: the difference with its interval and what that covers, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tlbench.study.comparisons import Difference
from tlbench.study.differences import IMAGES, SPLITS, PairedDifference
from tlbench.study.error_ratio import ErrorRatio


def difference_line(difference: Difference, *, percent: bool) -> str:
    """For example `tin200 − random: +4.31 points test/oa, 95% interval [+2.10, +6.52] over 3 seeds and 9 test images`.

    Args:
        difference: Of two arms.
        percent: Whether the metric is shown in percent.
    """
    paired, metric = difference.paired, difference.metric
    names = f"{difference.arm} − {difference.baseline}"
    if paired.mean is None:
        return f"{names}: no seed in common in which {metric} is defined, no paired difference"
    unit = "points " if percent else ""
    line = f"{names}: {signed(paired.mean, percent)} {unit}{metric}"
    if paired.low is None or paired.high is None:
        return f"{line} over {seeds_of(paired.n)}"
    ends = f"[{signed(paired.low, percent)}, {signed(paired.high, percent)}]"
    return f"{line}, {100 * paired.confidence:g}% interval {ends} over {covered(paired)}"


def covered(paired: PairedDifference) -> str:
    """The variances that an interval covers, such as `3 seeds, their splits and 300 test images`."""
    parts = [seeds_of(paired.n)]
    if SPLITS in paired.covers:
        parts.append("their splits")
    if IMAGES in paired.covers:
        parts.append("their test images" if paired.images is None else _test_images(paired))
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _test_images(paired: PairedDifference) -> str:
    """With what makes the groups, where they are counted."""
    images = f"{paired.images:,} test images"
    return images if paired.groups is None else f"{paired.groups:,} groups of {images} ({paired.groups_by})"


def short_line(name: str, paired: PairedDifference, *, percent: bool, interaction: bool = False) -> str:
    """A comparison in one line: `full − head: +4.31 [+2.10, +6.52], better (p = 0.004)`.

    Args:
        name: What is subtracted from what.
        paired: The comparison, with its verdict.
        percent: Whether the metric is shown in percent.
        interaction: Whether it is one, of which neither side is better.
    """
    if paired.mean is None:
        return f"{name}: no seed in common"
    line = f"{name}: {signed(paired.mean, percent)}"
    if paired.low is None or paired.high is None or paired.holm is None or paired.verdict is None:
        return f"{line} over {seeds_of(paired.n)}, no interval"
    verdict: str = paired.verdict
    if interaction and verdict in ("better", "worse"):
        verdict = "there is one"
    p = paired.equivalence if verdict == "equivalent" and paired.equivalence is not None else paired.holm
    ends = f"[{signed(paired.low, percent)}, {signed(paired.high, percent)}]"
    return f"{line} {ends}, {verdict} (p {_p(p)})"


def all_cover(family: Sequence[PairedDifference]) -> str:
    """What the intervals of a family cover, where that is the same; else that each covers what its arms have."""
    found = {covered(paired) for paired in family if paired.low is not None}
    return f"over {found.pop()}" if len(found) == 1 else "over the seeds that their arms share"


def verdict_lines(difference: Difference, comparisons: int, *, percent: bool, verdict: bool = True) -> Iterable[str]:
    """What a comparison comes to, and what it would take; or why there is no interval.

    Args:
        difference: Of two arms.
        comparisons: In the family that its p-value is adjusted for.
        percent: Whether the metric is shown in percent.
        verdict: Whether it is said; else it has been.
    """
    paired = difference.paired
    if paired.mean is None:
        return
    if paired.verdict is None or paired.holm is None:
        yield (
            "No interval: the differences of all seeds are equal, which does not tell how far others would be."
            if paired.n > 1
            else "No interval: it takes two seeds that both arms have."
        )
        return
    size = f"{_size(paired)}{_errors(difference.errors)}."
    yield f"{_verdict(difference, comparisons, percent)}; {size}" if verdict else size[0].upper() + size[1:]
    if comparisons > 1 and paired.simultaneous is not None:
        low, high = (signed(end, percent) for end in paired.simultaneous)
        yield f"With all {comparisons} comparisons in {100 * paired.confidence:g}% intervals together: [{low}, {high}]."
    if paired.verdict == "undecided" and paired.detectable is not None:
        yield _what_it_takes(paired, percent)


def _verdict(difference: Difference, comparisons: int, percent: bool) -> str:
    paired = difference.paired
    assert paired.holm is not None
    family = f" after Holm's correction for {comparisons} comparisons" if comparisons > 1 else ""
    if paired.verdict == "equivalent" and paired.margin is not None and paired.equivalence is not None:
        unit = " points" if percent else ""
        return f"Equivalent within ±{signed(paired.margin, percent)[1:]}{unit}: p {_p(paired.equivalence)}{family}"
    said = "Undecided, which does not mean equal"
    if paired.verdict in ("better", "worse"):
        said = f"{difference.arm} is {paired.verdict} than {difference.baseline}"
    return f"{said}: p {_p(paired.holm)}{family}"


def _what_it_takes(paired: PairedDifference, percent: bool) -> str:
    assert paired.detectable is not None
    unit = " points" if percent else ""
    found = f"Such a study finds a difference of {signed(paired.detectable, percent)[1:]}{unit} in 4 cases of 5"
    if paired.seeds_needed is None:
        return f"{found}; no number of seeds up to 1000 would find one as large as this so often."
    return f"{found}; {seeds_of(max(paired.seeds_needed, paired.n + 1))} would find one as large as this so often."


def _size(paired: PairedDifference) -> str:
    ahead = f"ahead in {paired.ahead:.0%} of the seeds"
    return ahead if paired.effect is None else f"{ahead}, Hedges' g {paired.effect:.1f}".replace("-", "−")


def _errors(errors: ErrorRatio | None) -> str:
    if errors is None or errors.low is None or errors.high is None:
        return ""
    return f", {errors.ratio:.2f} times the errors [{errors.low:.2f}, {errors.high:.2f}]"


def seeds_of(n: int) -> str:
    """`1 seed`, `2 seeds`."""
    return f"{n} seed{'s' * (n != 1)}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def signed(value: float, percent: bool) -> str:
    """`+4.31` of 0.0431 in percent, `+0.043` of it else."""
    factor, digits = (100, 2) if percent else (1, 3)
    return f"{factor * value:+.{digits}f}".replace("-", "−")
