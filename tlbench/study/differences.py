"""The difference of two arms, or another contrast of several: its interval and what that covers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tlbench.statistics.effect import hedges_gz, superiority
from tlbench.statistics.estimate import Estimate, wider
from tlbench.statistics.paired import over_folds, over_seeds, over_seeds_and_images, with_image_variance
from tlbench.statistics.spread import summarise
from tlbench.statistics.verdict import Verdict
from tlbench.study.crossed_images import FEWEST_GROUPS, Rows, ScoredRun, crossed_images
from tlbench.study.scored_images import ScoredImages

SEEDS, SPLITS, IMAGES = "seeds", "splits", "test images"
"""Variances that an interval may cover."""

_ROUNDING = 1e-12  # equal differences of floats differ by so much


@dataclass(frozen=True)
class PairedDifference:
    """a − b, or another contrast of arms, over the seeds that all of them have.

    Attributes:
        mean: Of the differences; None where no seed is common.
        std: Of the differences (ddof = 1); None for n < 2.
        n: Number of pairs.
        low: Lower end of the interval of the mean difference; None for n < 2, and where all differences are equal and
            nothing else is known of their spread.
        high: Upper end.
        p: Two-sided p-value of "the mean difference is zero", the larger one of both intervals'; None for n < 2.
        error: Standard error of the mean that the interval is of; None for n < 2.
        df: Its degrees of freedom.
        narrower: Standard error and degrees of freedom of the other interval, which may be the wider one at another
            confidence; None where there is but one.
        confidence: Of the interval, in (0, 1).
        only_a: Seeds of a (the arms that are added) without a partner, left out.
        only_b: Seeds of b (the arms that are subtracted) without a partner, left out.
        covers: The variances that the interval covers: `seeds`, `splits`, `test images`.
        images: Test images, where the interval covers them.
        groups: Groups that they come in, which are what is drawn; None: each stands alone.
        groups_by: Where these groups come from, such as `data.group`; likewise.
        seeds_only: The ends of Student's t interval over the seeds.
        uncovered: Why the test images are not covered; None where they are.
        holm: `p` adjusted for all comparisons of this metric (Holm 1979).
        verdict: By `holm`; `better` is a's.
        effect: Hedges' g of the paired differences; None where these are equal.
        ahead: P(a > b), the share of seeds in which a is ahead, ties counted half.
        simultaneous: The interval with which those of all comparisons of this metric hold together (Bonferroni).
        detectable: The smallest true difference that a study with this standard error finds, among as many comparisons,
            with a power of 80 %.
        seeds_needed: That find a difference as large as the mean with that power, planned with the upper 80 % limit of
            the spread over seeds and with these test images; None: more than 1000, no number, or nothing to find.
        margin: Differences up to it do not matter; None: equivalence was not asked for.
        equivalence: P-value of "the mean difference lies outside the margin", adjusted as `holm`.
    """

    mean: float | None
    std: float | None
    n: int
    low: float | None
    high: float | None
    p: float | None
    confidence: float
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]
    error: float | None = None
    df: float | None = None
    narrower: tuple[float, float] | None = None
    covers: tuple[str, ...] = (SEEDS,)
    images: int | None = None
    groups: int | None = None
    groups_by: str | None = None
    seeds_only: tuple[float, float] | None = None
    uncovered: str | None = None
    holm: float | None = None
    verdict: Verdict | None = None
    effect: float | None = None
    ahead: float | None = None
    simultaneous: tuple[float, float] | None = None
    detectable: float | None = None
    seeds_needed: int | None = None
    margin: float | None = None
    equivalence: float | None = None


@dataclass(frozen=True)
class Term:
    """An arm's part in a contrast of arms.

    Attributes:
        weight: That its values are multiplied with; 1 and −1 of a difference.
        values: Finite value per seed.
        runs: By seed; empty: the test images are not covered.
    """

    weight: float
    values: Mapping[int, float]
    runs: Mapping[int, ScoredRun] = field(default_factory=dict)


def paired_difference(
    a: Mapping[int, float],
    b: Mapping[int, float],
    confidence: float = 0.95,
    runs: tuple[Mapping[int, ScoredRun], Mapping[int, ScoredRun]] | None = None,
    metric: str = "",
    *,
    higher_is_better: bool = True,
) -> PairedDifference:
    """The mean of a − b, paired by seed; see `paired_contrast`.

    Args:
        a: Finite value per seed.
        b: Likewise.
        confidence: Of the interval, in (0, 1).
        runs: Of a and of b by seed; None: the test images are not covered.
        metric: Such as `test/oa`.
        higher_is_better: For the share of seeds in which a is ahead.

    Raises:
        ValueError: The confidence is no fraction.
    """
    of_a, of_b = runs or ({}, {})
    terms = (Term(1, a, of_a), Term(-1, b, of_b))
    return paired_contrast(terms, confidence, metric, higher_is_better=higher_is_better)


def paired_contrast(
    terms: Sequence[Term], confidence: float = 0.95, metric: str = "", *, higher_is_better: bool = True
) -> PairedDifference:
    """The mean over seeds of a weighted sum of arms, paired by seed, with the wider of two intervals.

    One is Student's t over the seeds (Student 1908). The other covers the test images as well, where every run was
    tested on the same and kept what each adds to the metric: crossed random effects for a mean over images, else the
    bootstrap's variance over images beside that of the seeds. Where every seed has test images of its
    own, the first covers them.

    Args:
        terms: The arms and their weights, which sum to 0; those of one arm only once.
        confidence: Of the interval, in (0, 1).
        metric: Such as `test/oa`.
        higher_is_better: For the share of seeds in which the sum is ahead of 0.

    Raises:
        ValueError: The confidence is no fraction.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: must lie in (0, 1)")
    common = set.intersection(*(set(term.values) for term in terms))
    seeds = sorted(common)
    weights = [term.weight for term in terms]
    d = np.array([sum(term.weight * term.values[seed] for term in terms) for seed in seeds])
    spread = summarise(d.tolist())
    only_a, only_b = (
        tuple(sorted({seed for term in terms if sign * term.weight > 0 for seed in term.values} - common))
        for sign in (1, -1)
    )
    paired = PairedDifference(spread.mean, spread.std, spread.n, None, None, None, confidence, only_a, only_b)
    if spread.n < 2:
        return paired
    rows = [tuple(term.runs[seed] for term in terms) for seed in seeds if all(term.runs for term in terms)]
    plain = _over_seeds(d, rows, metric, weights)
    crossed = _crossed(d, rows, metric, weights)
    estimate = plain if isinstance(crossed, str) else wider(plain, crossed[0], confidence)
    if estimate.error <= _ROUNDING * abs(estimate.mean):
        return replace(paired, std=0.0, uncovered=crossed if isinstance(crossed, str) else None)
    other = None
    if not isinstance(crossed, str):
        other = crossed[0] if estimate is plain else plain
    low, high = estimate.interval(confidence)
    towards_better = (d if higher_is_better else -d).tolist()
    covers = _covers(rows, crossed=not isinstance(crossed, str))
    return replace(
        paired,
        low=low,
        high=high,
        p=max(each.p for each in (estimate, other) if each is not None),
        error=estimate.error,
        df=estimate.df,
        narrower=None if other is None else (other.error, other.df),
        covers=covers,
        images=None if isinstance(crossed, str) else crossed[1].per_image.images,
        groups=None if isinstance(crossed, str) or crossed[1].groups is None else crossed[1].units,
        groups_by=None if isinstance(crossed, str) else crossed[1].origin,
        seeds_only=plain.interval(confidence),
        uncovered=crossed if isinstance(crossed, str) and IMAGES not in covers else None,
        effect=hedges_gz(towards_better),
        ahead=superiority(towards_better),
    )


def _crossed(
    d: NDArray[np.float64], rows: Rows, metric: str, weights: Sequence[float]
) -> tuple[Estimate, ScoredImages] | str:
    """The estimate that covers the test images, and these, or why there is none."""
    found = crossed_images(rows, metric, weights)
    if isinstance(found, str):
        return found
    if found.scores is not None:
        return over_seeds_and_images(found.scores), found.images
    assert found.variance is not None
    return with_image_variance(d, found.variance, found.images.units), found.images


def _over_seeds(d: NDArray[np.float64], rows: Rows, metric: str, weights: Sequence[float]) -> Estimate:
    """Student's t over seeds; of folds, whose training images overlap, with Nadeau and Bengio's correction."""
    rules = [run.record.data.split_rule for row in rows for run in row if run.record.data]
    split = metric.partition("/")[0]
    folds = {rule.get("split_seed") for rule in rules if rule.get("fold") == split}
    if len(folds) > 1 and all(rule.get("fold") == split for rule in rules):
        tested = [rule["counts"][split] / rule["counts"]["train"] for rule in rules]
        return over_folds(d, float(np.mean(tested)), _grain(rows, metric, weights))
    return over_seeds(d, _grain(rows, metric, weights))


def _grain(rows: Rows, metric: str, weights: Sequence[float]) -> float:
    """The steps in which a metric comes that is the share of test images, as those of a difference that rounding
    spreads as much as this contrast; else 0.
    """
    images = [run.images for row in rows for run in row]
    split, _, name = metric.partition("/")
    if split != "test":
        return 0.0
    known = [each.per_image for each in images if isinstance(each, ScoredImages) and name in each.per_image.scores]
    if not known or len(known) < len(images):
        return 0.0
    return math.sqrt(sum(weight**2 for weight in weights) / 2) / min(each.images for each in known)


def _covers(rows: Rows, *, crossed: bool) -> tuple[str, ...]:
    """The seeds; the splits, where each seed has images of its own; the test images where they are crossed, or so."""
    prints = [row[0].record.data.fingerprints for row in rows if row[0].record.data]
    own = {split for split in ("train", "val", "test") if len({each.get(split) for each in prints}) == len(rows)}
    splits = (SPLITS,) if rows and own else ()
    scored = [run.images for row in rows for run in row if isinstance(run.images, ScoredImages)]
    if any(each.groups is not None for each in scored) and _units(scored) < FEWEST_GROUPS:
        return (SEEDS, *splits)
    return (SEEDS, *splits, *((IMAGES,) if crossed or (rows and "test" in own) else ()))


def _units(scored: Sequence[ScoredImages]) -> int:
    """Groups of the test images of all seeds, each other image one; a group that several seeds tested counts once."""
    groups = frozenset[str]().union(*(each.group_names for each in scored if each.group_names is not None))
    alone = {each.fingerprint: each.units for each in scored if each.group_names is None}
    return len(groups) + sum(alone.values())
