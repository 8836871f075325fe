"""The mean of paired differences: over seeds, over seeds and test images.

n seeds, N test images; d[s, i] is the first arm's score minus the second's, of seed s on image i. What
each estimate covers, and how often its interval misses in simulation, is in docs/statistics.md.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tlbench.statistics.estimate import Estimate, satterthwaite

Values = NDArray[np.float64]


def over_seeds(d: Values, grain: float = 0.0) -> Estimate:
    """Student's t over seeds (Student 1908); covers the seeds alone, and the splits where they vary along.

    Args:
        d: (n,) differences, n ≥ 2.
        grain: The steps in which the metric comes, 1/N for an accuracy; rounding alone spreads differences by
            grain/√6, so a smaller spread is taken for that.
    """
    n = _count(d)
    spread = max(float(np.std(d, ddof=1)), grain / math.sqrt(6))
    return Estimate(float(np.mean(d)), spread / math.sqrt(n), n - 1)


def over_folds(d: Values, tested: float, grain: float = 0.0) -> Estimate:
    """Over runs whose training images overlap, as those of folds do: the corrected t (Nadeau and Bengio 2003).

    Var(d̄) = (1/n + n_test/n_train) s². It covers the runs' seeds, their training images and their test images.

    Args:
        d: (n,) differences, n ≥ 2.
        tested: Test images a training image.
        grain: As in `over_seeds`.
    """
    plain = over_seeds(d, grain)
    return Estimate(plain.mean, plain.error * math.sqrt(1 + len(d) * tested), plain.df)


def over_seeds_and_images(d: Values) -> Estimate:
    """Crossed random effects d[s, i] = μ + S_s + I_i + R_si: covers seeds and test images.

    Var(d̄) = max(MS_S + MS_I − MS_R, MS_S, MS_I) / (nN), with Satterthwaite's degrees of freedom, at least n − 1.

    Args:
        d: (n, N), n ≥ 2 and N ≥ 2: every seed on the same images.
    """
    seeds, images, rest = mean_squares(d)
    n, count = d.shape
    cells = n * count
    variance = max(seeds + images - rest, seeds, images) / cells
    parts = [(seeds / cells, n - 1), (max(images - rest, 0.0) / cells, count - 1)]
    df = satterthwaite(parts, variance) if variance > 0 else math.inf
    return Estimate(float(np.mean(d)), math.sqrt(variance), n - 1.0 if math.isinf(df) else max(df, n - 1.0))


def by_group(d: Values, groups: NDArray[np.int64]) -> Values:
    """(n, G): differences of groups of images, whose mean of each seed is that of its images.

    The mean over images is a ratio where groups differ in size and others would differ otherwise: a group counts with
    the sum of its images' deviations from the mean (Cochran 1977, Sampling techniques, section 6.3).

    Args:
        d: (n, N).
        groups: (N,) in 0 … G − 1.
    """
    count = int(groups.max()) + 1
    mean = d.mean(1, keepdims=True)
    sums = np.zeros((count, len(d)))
    np.add.at(sums, groups, (d - mean).T)
    found: Values = mean + sums.T * (count / d.shape[1])
    return found


def mean_squares(d: Values) -> tuple[float, float, float]:
    """Mean squares of seeds, of images and of the residual, of (n, N) crossed differences."""
    if d.ndim != 2 or min(d.shape) < 2:
        raise ValueError(f"differences of shape {d.shape}: it takes two seeds and two images")
    n, count = d.shape
    mean, by_seed, by_image = np.mean(d), np.mean(d, 1), np.mean(d, 0)
    seeds = float(count * np.sum((by_seed - mean) ** 2) / (n - 1))
    images = float(n * np.sum((by_image - mean) ** 2) / (count - 1))
    residuals = d - by_seed[:, None] - by_image[None] + mean
    return seeds, images, float(np.sum(residuals**2) / ((n - 1) * (count - 1)))


def with_image_variance(d: Values, variance: float, images: int) -> Estimate:
    """For a metric that is no mean over images: s²/n of the seeds plus the variance over test images.

    The residual of seeds and images is counted in both, which errs on the wide side.

    Args:
        d: (n,) differences of the metric, n ≥ 2.
        variance: Of the mean over seeds, over draws of the test images (`bootstrap`).
        images: N ≥ 2, the number of images, or of groups of images, that were drawn.
    """
    n = _count(d)
    of_seeds = float(np.var(d, ddof=1)) / n
    total = of_seeds + variance
    df = satterthwaite([(of_seeds, n - 1), (variance, images - 1)], total) if total > 0 else n - 1.0
    return Estimate(float(np.mean(d)), math.sqrt(total), df)


def _count(d: Values) -> int:
    if d.ndim != 1 or len(d) < 2:
        raise ValueError(f"differences of shape {d.shape}: it takes at least two")
    return len(d)
