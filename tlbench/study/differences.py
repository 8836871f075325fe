"""The difference of two arms: its interval, what that covers, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tlbench.records.record import Record
from tlbench.statistics.effect import hedges_gz, superiority
from tlbench.statistics.estimate import Estimate, wider
from tlbench.statistics.multiplicity import holm, simultaneous
from tlbench.statistics.paired import by_group, over_folds, over_seeds, over_seeds_and_images, with_image_variance
from tlbench.statistics.power import minimal_shift, seeds_needed, upper_spread
from tlbench.statistics.spread import summarise
from tlbench.statistics.verdict import Verdict, verdict
from tlbench.study.scored_images import ScoredImages

SEEDS, SPLITS, IMAGES = "seeds", "splits", "test images"
"""Variances that an interval may cover."""

_MOST_SEEDS = 1000  # that are said to be needed
_DEFINED = 0.9  # of the draws of test images, on which a metric must be defined
_FEWEST_GROUPS = 10  # of test images, from whose spread that of others can be told
_ROUNDING = 1e-12  # equal differences of floats differ by so much


@dataclass(frozen=True)
class PairedDifference:
    """a − b over the seeds that both have.

    Attributes:
        mean: Of the differences; None where no seed is common.
        std: Of the differences (ddof = 1); None for n < 2.
        n: Number of pairs.
        low: Lower end of the interval of the mean difference; None for n < 2, and where all differences are equal and
            nothing else is known of their spread.
        high: Upper end.
        p: Two-sided p-value of "the mean difference is zero"; None for n < 2.
        error: Standard error of the mean that the interval is of; None for n < 2.
        df: Its degrees of freedom.
        confidence: Of the interval, in (0, 1).
        only_a: Seeds of a without a partner in b, left out.
        only_b: Seeds of b without a partner in a, left out.
        covers: The variances that the interval covers: `seeds`, `splits`, `test images`.
        images: Test images, where the interval covers them.
        groups: Groups that they come in, which are what is drawn; None: each stands alone.
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
    covers: tuple[str, ...] = (SEEDS,)
    images: int | None = None
    groups: int | None = None
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


@dataclass(frozen=True, eq=False)
class ScoredRun:
    """A complete run and its test images, or why these cannot be had."""

    record: Record
    images: ScoredImages | str


def paired_difference(
    a: Mapping[int, float],
    b: Mapping[int, float],
    confidence: float = 0.95,
    runs: tuple[Mapping[int, ScoredRun], Mapping[int, ScoredRun]] | None = None,
    metric: str = "",
    *,
    higher_is_better: bool = True,
) -> PairedDifference:
    """The mean of a − b, paired by seed, with the wider of two intervals.

    One is Student's t over the seeds (Student 1908). The other covers the test images as well, where every run was
    tested on the same and kept what each adds to the metric: crossed random effects for a mean over images, else the
    bootstrap's variance over images beside that of the seeds. Where every seed has test images of its
    own, the first covers them.

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
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: must lie in (0, 1)")
    seeds = sorted(a.keys() & b.keys())
    d = np.array([a[seed] - b[seed] for seed in seeds])
    spread = summarise(d.tolist())
    only_a, only_b = (tuple(sorted(x.keys() - y.keys())) for x, y in ((a, b), (b, a)))
    paired = PairedDifference(spread.mean, spread.std, spread.n, None, None, None, confidence, only_a, only_b)
    if spread.n < 2:
        return paired
    pairs = [(runs[0][seed], runs[1][seed]) for seed in seeds] if runs else []
    plain = _over_seeds(d, pairs, metric)
    crossed = _crossed(d, pairs, metric)
    estimate = plain if isinstance(crossed, str) else wider(plain, crossed[0], confidence)
    if estimate.error <= _ROUNDING * abs(estimate.mean):
        return replace(paired, std=0.0, uncovered=crossed if isinstance(crossed, str) else None)
    low, high = estimate.interval(confidence)
    towards_better = (d if higher_is_better else -d).tolist()
    covers = _covers(pairs, crossed=not isinstance(crossed, str))
    return replace(
        paired,
        low=low,
        high=high,
        p=estimate.p,
        error=estimate.error,
        df=estimate.df,
        covers=covers,
        images=None if isinstance(crossed, str) else crossed[1].per_image.images,
        groups=None if isinstance(crossed, str) or crossed[1].groups is None else crossed[1].units,
        seeds_only=plain.interval(confidence),
        uncovered=crossed if isinstance(crossed, str) and IMAGES not in covers else None,
        effect=hedges_gz(towards_better),
        ahead=superiority(towards_better),
    )


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
    estimates = {i: found for i, each in enumerate(differences) if (found := _estimate(each)) is not None}
    p = dict(zip(estimates, holm([each.p for each in estimates.values()]), strict=True))
    outside: dict[int, float] = {}
    if margin is not None:
        outside = dict(zip(estimates, holm([each.beyond(margin) for each in estimates.values()]), strict=True))
    judged = list(differences)
    for i, estimate in estimates.items():
        each, alpha = differences[i], (1 - differences[i].confidence) / len(estimates)
        judged[i] = replace(
            each,
            holm=p[i],
            verdict=verdict(sign * estimate.mean, p[i], 1 - each.confidence, outside.get(i)),
            margin=margin,
            equivalence=outside.get(i),
            simultaneous=estimate.interval(simultaneous(each.confidence, len(estimates))),
            detectable=estimate.error * minimal_shift(estimate.df, alpha),
            seeds_needed=_seeds_needed(each, estimate, alpha),
        )
    return judged


def _estimate(paired: PairedDifference) -> Estimate | None:
    if paired.mean is None or paired.error is None or paired.df is None:
        return None
    return Estimate(paired.mean, paired.error, paired.df)


def _crossed(
    d: NDArray[np.float64], pairs: Sequence[tuple[ScoredRun, ScoredRun]], metric: str
) -> tuple[Estimate, ScoredImages] | str:
    """The estimate that covers the test images, and these, or why there is none."""
    images = [run.images for pair in pairs for run in pair]
    if not images:
        return "their runs were not looked at"
    known = [each for each in images if isinstance(each, ScoredImages)]
    if len(known) < len(images):
        return next(each for each in images if isinstance(each, str))
    a, b = known[0::2], known[1::2]
    if any(x.fingerprint != y.fingerprint for x, y in zip(a, b, strict=True)):
        return "the arms' test images have other fingerprints: they were decoded otherwise, or are other images"
    if len({each.fingerprint for each in known}) > 1:
        return "they differ between seeds"
    one, count = known[0], known[0].units
    if count < 2 and one.groups is None:
        return "there is one test image"
    if one.groups is not None and count < _FEWEST_GROUPS:
        return (
            f"they come in {count} groups (data.group), and fewer than {_FEWEST_GROUPS} do not tell how far others "
            "would be"
        )
    split, _, name = metric.partition("/")
    if split == "test" and name in known[0].per_image.scores:
        scores = np.stack([x.per_image.scores[name] - y.per_image.scores[name] for x, y in zip(a, b, strict=True)])
        return over_seeds_and_images(scores if one.groups is None else by_group(scores, one.groups)), one
    if split != "test" or name not in known[0].drawn:
        return f"{metric} is not kept by image"
    draws = min(each.per_image.draws for each in known)
    drawn = np.mean([x.drawn[name][:draws] - y.drawn[name][:draws] for x, y in zip(a, b, strict=True)], axis=0)
    defined = drawn[~np.isnan(drawn)]
    if len(defined) < _DEFINED * draws:
        return f"{metric} is undefined on {draws - len(defined)} of {draws} other draws of the test images"
    return with_image_variance(d, float(np.var(defined, ddof=1)), count), one


def _over_seeds(d: NDArray[np.float64], pairs: Sequence[tuple[ScoredRun, ScoredRun]], metric: str) -> Estimate:
    """Student's t over seeds; of folds, whose training images overlap, with Nadeau and Bengio's correction."""
    rules = [run.record.data.split_rule for pair in pairs for run in pair if run.record.data]
    if metric.startswith("test/") and rules and all(rule.get("fold") == "test" for rule in rules):
        tested = [rule["counts"]["test"] / rule["counts"]["train"] for rule in rules]
        return over_folds(d, float(np.mean(tested)), _grain(pairs, metric))
    return over_seeds(d, _grain(pairs, metric))


def _grain(pairs: Sequence[tuple[ScoredRun, ScoredRun]], metric: str) -> float:
    """The steps in which a metric comes that is the share of test images; else 0."""
    images = [run.images for pair in pairs for run in pair]
    split, _, name = metric.partition("/")
    if split != "test":
        return 0.0
    known = [each.per_image for each in images if isinstance(each, ScoredImages) and name in each.per_image.scores]
    return 1 / min(each.images for each in known) if known and len(known) == len(images) else 0.0


def _covers(pairs: Sequence[tuple[ScoredRun, ScoredRun]], *, crossed: bool) -> tuple[str, ...]:
    """The seeds; the splits, where each seed has images of its own; the test images where they are crossed, or so."""
    prints = [pair[0].record.data.fingerprints for pair in pairs if pair[0].record.data]
    own = {split for split in ("train", "val", "test") if len({each.get(split) for each in prints}) == len(pairs)}
    splits = (SPLITS,) if pairs and own else ()
    return (SEEDS, *splits, *((IMAGES,) if crossed or (pairs and "test" in own) else ()))


def _seeds_needed(paired: PairedDifference, estimate: Estimate, alpha: float) -> int | None:
    if not paired.std or not estimate.mean:
        return None
    spread, images = upper_spread(paired.std, paired.n), estimate.error**2 - paired.std**2 / paired.n
    return seeds_needed(abs(estimate.mean), spread, max(images, 0.0), alpha, most=_MOST_SEEDS)
