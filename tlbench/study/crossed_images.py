"""What runs, or contrasts of runs, scored on each test image, where all of them were tested on the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.records.record import Record
from tlbench.statistics.paired import by_group
from tlbench.study.scored_images import ScoredImages

FEWEST_GROUPS = 10
"""Groups of test images from whose spread that of others can be told."""

_DEFINED = 0.9  # of the draws of test images, on which a metric must be defined


@dataclass(frozen=True, eq=False)
class ScoredRun:
    """A complete run and its test images, or why these cannot be had."""

    record: Record
    images: ScoredImages | str


Rows = Sequence[tuple[ScoredRun, ...]]
"""A row a seed: the runs of the arms of a contrast."""


@dataclass(frozen=True, eq=False)
class CrossedImages:
    """A contrast of n rows of runs on the same test images.

    Attributes:
        images: One of the runs'.
        scores: (n, N) of each image, or of each group of images, of a metric that is a mean over images; else None.
        variance: Of the mean over the rows, when the images are drawn again (`bootstrap`), of a metric that is none.
    """

    images: ScoredImages
    scores: NDArray[np.float64] | None
    variance: float | None


def crossed_images(rows: Rows, metric: str, weights: Sequence[float]) -> CrossedImages | str:
    """What a contrast scored on the test images, or why that cannot be had.

    Args:
        rows: The runs.
        metric: Such as `test/oa`.
        weights: One for each run of a row.
    """
    images = [run.images for row in rows for run in row]
    if not images:
        return "their runs were not looked at"
    known = [each for each in images if isinstance(each, ScoredImages)]
    if len(known) < len(images):
        return next(each for each in images if isinstance(each, str))
    arms = [known[k :: len(weights)] for k in range(len(weights))]
    if any(len({each.fingerprint for each in row}) > 1 for row in zip(*arms, strict=True)):
        return "the arms' test images have other fingerprints: they were decoded otherwise, or are other images"
    if len({each.fingerprint for each in known}) > 1:
        return "they differ between seeds"
    one, count = known[0], known[0].units
    if count < 2 and one.groups is None:
        return "there is one test image"
    if one.groups is not None and count < FEWEST_GROUPS:
        return (
            f"they come in {count} group{'s' * (count != 1)} ({one.origin}), and fewer than {FEWEST_GROUPS} do not "
            "tell how far others would be"
        )
    split, _, name = metric.partition("/")
    if split == "test" and name in known[0].per_image.scores:
        scores = [
            weight * np.stack([each.per_image.scores[name] for each in of_arm])
            for weight, of_arm in zip(weights, arms, strict=True)
        ]
        found = sum(scores[1:], start=scores[0])
        return CrossedImages(one, found if one.groups is None else by_group(found, one.groups), None)
    if split != "test" or name not in known[0].drawn:
        return f"{metric} is not kept by image"
    draws = min(each.draws for each in known)
    means = [
        weight * np.mean([each.drawn[name][:draws] for each in of_arm], axis=0)
        for weight, of_arm in zip(weights, arms, strict=True)
    ]
    drawn = sum(means[1:], start=means[0])
    defined = drawn[~np.isnan(drawn)]
    if len(defined) < _DEFINED * draws:
        return f"{metric} is undefined on {draws - len(defined)} of {draws} other draws of the test images"
    return CrossedImages(one, None, float(np.var(defined, ddof=1)))
