"""How often the intervals of a study's differences hold the difference of the population, in simulation.

    python -m benchmarks.coverage                  # all cells; about 40 minutes on one core
    python -m benchmarks.coverage --only family    # cells whose name holds a text
    python -m benchmarks.coverage --write          # the table of docs/statistics.md

A study is drawn: n seeds of two arms, N test images; the difference of seed s on image i is μ + S_s + I_i + R_si, or
the images of a segmentation or detection task on which each run makes its own mistakes. Its interval is what
`tlbench.study.differences` gives of it, seeds-only and as printed. A cell counts how often each holds μ, with the
standard error of that share. Nothing is trained.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.marked_table import with_table
from tlbench.metrics.per_image import PerImage
from tlbench.study.crossed_images import ScoredRun
from tlbench.study.differences import PairedDifference, paired_difference
from tlbench.study.scored_images import ScoredImages
from tlbench.study.verdicts import with_verdicts
from tlbench.tasks.detection.per_image import read as read_boxes
from tlbench.tasks.semantic_segmentation.per_image import read as read_maps

DOCS = Path(__file__).parents[1] / "docs" / "statistics.md"

Values = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Values]
Runs = tuple[list[PerImage], list[PerImage]]
DrawRuns = Callable[[np.random.Generator, int, int], Runs]

NOISES: Mapping[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(0, 1, shape),
    "uniform": lambda rng, shape: rng.uniform(-math.sqrt(3), math.sqrt(3), shape),
    "Laplace": lambda rng, shape: rng.laplace(0, math.sqrt(0.5), shape),
    "exponential": lambda rng, shape: rng.exponential(1, shape) - 1,
    "lognormal": lambda rng, shape: (rng.lognormal(0, 1, shape) - math.exp(0.5)) / math.sqrt((math.e - 1) * math.e),
    "beta(5, 0.5)": lambda rng, shape: (rng.beta(5, 0.5, shape) - 10 / 11) / math.sqrt(2.5 / (5.5**2 * 6.5)),
}
"""Mean 0 and standard deviation 1; the last three are skewed, the last as scores near their upper bound are."""


@dataclass(frozen=True)
class Share:
    """How often something happened in so many repeats."""

    hits: int
    repeats: int

    def __str__(self) -> str:
        share = self.hits / self.repeats
        return f"{100 * share:.1f} ± {100 * math.sqrt(share * (1 - share) / self.repeats):.1f}"


@dataclass(frozen=True)
class Cell:
    """A row of the table: what was drawn, and how often the seeds-only and the printed interval hold μ, in percent."""

    name: str
    seeds: int
    images: int
    seeds_only: Share
    printed: Share


def tested(images: Sequence[PerImage]) -> dict[int, ScoredRun]:
    """The runs of an arm by seed, all on the same test images."""
    data = SimpleNamespace(fingerprints={"train": "t", "val": "v", "test": "x"}, split_rule={})
    record: Any = SimpleNamespace(data=data)
    return {seed: ScoredRun(record, ScoredImages("x", each)) for seed, each in enumerate(images)}


def of_scores(scores: Values) -> list[PerImage]:
    """Runs of a metric that is a mean over images: (n, N)."""

    def run(row: Values) -> PerImage:
        return PerImage(len(row), lambda weights: {"m": weights @ row / weights.sum(1)}, {"m": row})

    return [run(row) for row in scores]


def difference(a: Sequence[PerImage], b: Sequence[PerImage], metric: str) -> PairedDifference:
    """What a study reports of two arms."""
    values = [{seed: run.metrics()[metric] for seed, run in enumerate(arm)} for arm in (a, b)]
    return paired_difference(values[0], values[1], 0.95, (tested(a), tested(b)), f"test/{metric}")


def holds(paired: PairedDifference, truth: float) -> tuple[bool, bool]:
    """Whether the seeds-only and the printed interval hold it."""
    assert paired.seeds_only is not None
    assert paired.low is not None
    assert paired.high is not None
    return paired.seeds_only[0] <= truth <= paired.seeds_only[1], paired.low <= truth <= paired.high


def means(noise: str, seeds: int, images: int, spread: float, repeats: int) -> Cell:
    """A mean over images; the seed's standard deviation is `spread`, in points, the images' 11.7, the residual's 23.

    The latter two are those of quickstart (variances 0.0138 and 0.0531 of the share of right answers).
    """
    rng = np.random.default_rng([seeds, images, round(1000 * spread), len(noise)])
    draw, found = NOISES[noise], np.zeros(2, dtype=int)
    for _ in range(repeats):
        d = spread / 100 * draw(rng, (seeds, 1)) + 0.117 * draw(rng, (1, images)) + 0.23 * draw(rng, (seeds, images))
        found += holds(difference(of_scores(d), of_scores(np.zeros_like(d)), "m"), 0.0)
    return Cell(f"mean, {noise}, seeds' sd {spread:g} points", seeds, images, *(Share(int(k), repeats) for k in found))


def of_counts(name: str, draw: DrawRuns, metric: str, seeds: int, images: int, repeats: int) -> Cell:
    """A metric that is no mean over images: these have a difficulty of their own, runs a skill of their own.

    The population's difference is that of 200 seeds on 5,000 images.
    """
    rng = np.random.default_rng([seeds, images, len(name)])
    truth = _population(draw, metric)
    found = np.zeros(2, dtype=int)
    for _ in range(repeats):
        found += holds(difference(*draw(rng, seeds, images), metric), truth)
    return Cell(name, seeds, images, *(Share(int(k), repeats) for k in found))


def family(arms: int, seeds: int, images: int, repeats: int) -> tuple[str, Share]:
    """How often any of so many arms that are as good as the one baseline is called better or worse than it."""
    rng = np.random.default_rng([arms, seeds, images])
    wrong = 0
    for _ in range(repeats):
        runs = [
            of_scores(
                0.01 * rng.normal(0, 1, (seeds, 1))
                + 0.083 * rng.normal(0, 1, (1, images))
                + 0.163 * rng.normal(0, 1, (seeds, images))
            )
            for _ in range(arms + 1)
        ]
        compared = with_verdicts([difference(runs[k], runs[-1], "m") for k in range(arms)])
        wrong += any(each.verdict != "undecided" for each in compared)
    return f"{arms} arms against one, {seeds} seeds, {images} images", Share(wrong, repeats)


def _population(draw: DrawRuns, metric: str) -> float:
    """The mean difference of many seeds on many images, 20 seeds at a time on images of their own."""
    rng, found = np.random.default_rng(5), []
    for _ in range(10):
        a, b = draw(rng, 20, 5000)
        found += [x.metrics()[metric] - y.metrics()[metric] for x, y in zip(a, b, strict=True)]
    return float(np.mean(found))


def _maps(rng: np.random.Generator, seeds: int, images: int) -> Runs:
    """Two arms on images of 400 pixels; the first is right about 4 points more often."""
    mix = rng.dirichlet([4, 2, 1, 0.3], images)
    true = rng.multinomial(400, mix)
    difficulty = rng.normal(0, 0.8, images)

    def run(level: float) -> PerImage:
        skill = level + rng.normal(0, 0.1) + difficulty + rng.normal(0, 0.4, images)
        right = rng.binomial(true, 1 / (1 + np.exp(-skill - np.array([1, 0.5, 0, -0.5])[:, None])).T)
        cells = np.zeros((images, 4, 4), dtype=np.int64)
        for c in range(4):
            others = np.where(np.arange(4) == c, 0, [4, 2, 1, 0.3])
            cells[:, c] = rng.multinomial(true[:, c] - right[:, c], others / others.sum())
            cells[:, c, c] = right[:, c]
        columns = {
            "count": np.full(images, 16),
            "cells": np.tile(np.arange(16), images),
            "pixels": cells.reshape(-1),
        }
        return read_maps(columns, 4)

    return [run(1.3) for _ in range(seeds)], [run(1.0) for _ in range(seeds)]


def _boxes(rng: np.random.Generator, seeds: int, images: int) -> Runs:
    """Two arms on images of 1 to about 8 objects; the first finds more of them, and more exactly."""
    objects = 1 + rng.poisson(2, images)
    difficulty = rng.normal(0, 0.8, images)

    def run(level: float) -> PerImage:
        skill = level + rng.normal(0, 0.1) + difficulty + rng.normal(0, 0.4, images)
        hits = rng.binomial(objects, 1 / (1 + np.exp(-skill)))
        false = rng.poisson(1.5, images)
        count = hits + false
        image = np.repeat(np.arange(images), count)
        right = np.arange(len(image)) - np.repeat(np.cumsum(count) - count, count) < hits[image]
        thresholds = np.clip(rng.normal(6 + skill[image], 2), 1, 10).astype(int)
        columns = {
            "count": count,
            "scores": np.where(right, rng.beta(4, 2, len(image)), rng.beta(2, 4, len(image))).astype(np.float32),
            "labels": np.zeros(len(image), dtype=np.int32),
            "hits": np.where(right, (1 << thresholds) - 1, 0).astype(np.uint16),
            "crowded": np.zeros(len(image), dtype=np.uint8),
            "ious": np.where(right, 0.5 + thresholds / 20, 0).astype(np.float32),
            "target_count": objects,
            "target_labels": np.zeros(objects.sum(), dtype=np.int32),
            "confidence": np.array(0.5),
        }
        return read_boxes(columns, 1)

    return [run(1.3) for _ in range(seeds)], [run(1.0) for _ in range(seeds)]


def cells(repeats: int, fewer: int) -> Iterator[tuple[str, Callable[[], Cell]]]:
    """All cells of coverage by name."""
    for noise in NOISES:
        for seeds in (3, 5, 10):
            for images, spread in ((300, 0.0), (300, 3.0), (1000, 1.0)):
                name = f"mean {noise} {seeds} {images} {spread:g}"
                yield name, partial(means, noise, seeds, images, spread, repeats)
    for seeds in (3, 5, 10):
        yield f"miou {seeds}", partial(of_counts, "mIoU of 4 classes", _maps, "miou", seeds, 100, repeats)
    yield "map 5", partial(of_counts, "mAP of one class", _boxes, "map50_95", 5, 300, fewer)


def families(repeats: int) -> Iterator[tuple[str, Callable[[], tuple[str, Share]]]]:
    """All cells of family-wise errors by name."""
    for arms in (3, 5, 9):
        for seeds in (3, 5, 10):
            yield f"family {arms} {seeds}", partial(family, arms, seeds, 300, repeats)


def main() -> None:
    """Simulate, print, and with `--write` put the tables into docs/statistics.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cells whose name holds this text")
    parser.add_argument("--repeats", type=int, default=2000, help="studies a cell; 2000")
    parser.add_argument("--map-repeats", type=int, default=400, help="studies of the cell of mAP; 400")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/statistics.md")
    given = parser.parse_args()
    rows = [
        "| difference of | seeds | test images | seeds-only holds it, % | printed holds it, % |",
        "|---|---|---|---|---|",
    ]
    for name, simulate in cells(given.repeats, given.map_repeats):
        if given.only in name:
            cell = simulate()
            rows.append(f"| {cell.name} | {cell.seeds} | {cell.images:,} | {cell.seeds_only} | {cell.printed} |")
            print(rows[-1], flush=True)
    wrong = ["| null studies | any verdict but undecided, % |", "|---|---|"]
    for name, count in families(given.repeats):
        if given.only in name:
            what, share = count()
            wrong.append(f"| {what} | {share} |")
            print(wrong[-1], flush=True)
    if given.write:
        page = with_table(DOCS.read_text(), "python -m benchmarks.coverage --write", [*rows, "", *wrong])
        DOCS.write_text(page)


if __name__ == "__main__":
    main()
