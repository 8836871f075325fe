"""Splits of video frames by blocks of consecutive frames, as neighbours in time are near-duplicates.

Frames are ordered by video (the part of the name before its last number) and number. Each split becomes one block of
that order, so there are as few borders as can be. A border is only drawn where the label rows change: images with an
identical label row, and all frames between them, stay together. Of the blocks whose sizes are near enough to the
wanted ones those are chosen that have the fewest borders, first between train and another split, then at all, where
the gap between two scenes is no border; then the best sizes; and the seed chooses among those that are about equal.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from statistics import median

import torch
from torch import Tensor

from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.label_rows import label_rows
from tlbench.data.listing import Listing, natural_order
from tlbench.data.paths import split_of
from tlbench.errors import DataError
from tlbench.seeds import Draw, randint

GAP = 10
"""A step between numbers this many times as long as the video's median step is a gap between scenes."""

TOLERANCE = 0.5
"""By how much of the wanted size a block may be larger or smaller."""

_ABOUT_EQUAL = 0.05  # of all frames, in the sum of the sizes' errors
_NEAREST = 16  # candidates for a border on either side of its ideal place
_ROBOFLOW = re.compile(r"[_.-](jpe?g|png|bmp|webp)\.rf\.\w+$", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Blocks:
    """A division of N frames.

    Args:
        index: Split → sorted int64 positions; disjoint, together 0 … N - 1.
        blocks: Split → positions of the first and last frame of each scene's part in it.
        borders: Positions of frames that follow one another in a scene and are in different splits.
        rows_apart: Whether no label row stands in two splits by identical numbers.
    """

    index: Mapping[str, Tensor]
    blocks: Mapping[str, Sequence[tuple[int, int]]]
    borders: Sequence[tuple[int, int]]
    rows_apart: bool


def frame_blocks(frames: Listing[Instances], fractions: Mapping[str, float], seed: int) -> Blocks:
    """Divide frames into `train` and the parts of `fractions`.

    Args:
        frames: N images whose names end in numbers.
        fractions: Part (`val`, `test`) → fraction of all N images, in (0, 1).
        seed: Split seed.

    Raises:
        DataError: A name does not end in a number, or there are too few frames.
    """
    order, scenes = _scenes(frames)
    count = len(order)
    sizes = {"train": count * (1 - sum(fractions.values()))} | {s: count * f for s, f in fractions.items()}
    if count < len(sizes) or sizes["train"] < 1:
        raise DataError(
            f"data.split: {count} frames cannot be divided into {', '.join(sizes)} of {fractions}; change the fractions"
        )
    found = label_rows(frames)
    rows = [found[i] for i in order]
    free = [False] * count
    # where rows recur all over the data, they bind within their scenes only, or not at all
    chosen = (
        _choose(sizes, _bound(rows, [0] * count), scenes, seed)
        or _choose(sizes, _bound(rows, scenes), scenes, seed)
        or _choose(sizes, free, scenes, seed)
        or _choose(sizes, free, scenes, seed, tolerance=math.inf)
    )
    assert chosen is not None
    return _blocks(order, scenes, rows, chosen)


def _scenes(frames: Listing[Instances]) -> tuple[list[int], list[int]]:
    """Positions of the frames in their order, and the number of each one's scene, ascending."""
    keys = [_video_and_number(name) for name in frames.names]
    order = sorted(range(len(keys)), key=lambda i: (natural_order(keys[i][0]), keys[i][1], frames.names[i]))
    steps: dict[str, list[int]] = {}
    pairs = [(keys[a], keys[b]) for a, b in pairwise(order)]
    for (video, number), (other, following) in pairs:
        if video == other:
            steps.setdefault(video, []).append(following - number)
    longest = {video: GAP * max(1, median(found)) for video, found in steps.items()}
    scenes = [0] if order else []
    for (video, number), (other, following) in pairs:
        scenes.append(scenes[-1] + (video != other or following - number > longest[video]))
    return order, scenes


def _video_and_number(name: str) -> tuple[str, int]:
    """`images/train/a/Frame_46.jpg` → `a/Frame_` and 46."""
    *folders, file = name.split("/")
    stem = _ROBOFLOW.sub("", file.rpartition(".")[0])
    found = re.search(r"(\d+)$", stem)
    if found is None:
        raise DataError(
            f"{name}: no number at the end of the name, so its neighbours in time are not known, and images are "
            "divided by blocks of them; wanted are names such as frame_0012.jpg, or data=yolo data.split=official, "
            "which takes no notice of time"
        )
    kept = [folder for folder in folders if folder != "images" and split_of(folder) is None]
    return "/".join([*kept, stem[: found.start()]]), int(found[1])


def _bound(rows: Sequence[frozenset[tuple[int, ...]]], scenes: Sequence[int]) -> list[bool]:
    """Whether each frame must be in the split of the one before: a row stands before it and in it or after it."""
    last: dict[tuple[int, tuple[int, ...]], int] = {}
    for position, (found, scene) in enumerate(zip(rows, scenes, strict=True)):
        last.update(((scene, row), position) for row in found)
    bound, reach = [], -1
    for position, (found, scene) in enumerate(zip(rows, scenes, strict=True)):
        bound.append(position <= reach)
        reach = max([reach, *(last[scene, row] for row in found)])
    return bound


@dataclass(frozen=True)
class _Choice:
    """Splits in the order of their blocks, and where the second and third begin."""

    splits: tuple[str, ...]
    cuts: tuple[int, ...]


def _choose(
    sizes: Mapping[str, float], bound: Sequence[bool], scenes: Sequence[int], seed: int, tolerance: float = TOLERANCE
) -> _Choice | None:
    """The best division of N frames, or None where no block sizes are near enough."""
    count = len(scenes)
    places = [p for p in range(1, count) if not bound[p]]
    gaps = [p for p in places if scenes[p] != scenes[p - 1]]
    judged: list[tuple[tuple[int, int, float], _Choice]] = []
    for splits in permutations(sizes):
        first = _near(places, gaps, sizes[splits[0]])
        second = _near(places, gaps, count - sizes[splits[2]]) if len(splits) == 3 else [count]
        for cuts in ((a, b) for a in first for b in second if a < b):
            lengths = dict(zip(splits, (cuts[0], cuts[1] - cuts[0], count - cuts[1]), strict=False))
            error = sum(abs(lengths[split] - size) for split, size in sizes.items())
            if any(abs(lengths[split] - size) > tolerance * size for split, size in sizes.items()):
                continue
            cut_scenes = [i for i, cut in enumerate(cuts) if cut < count and scenes[cut] == scenes[cut - 1]]
            of_train = sum("train" in splits[i : i + 2] for i in cut_scenes)
            judged.append(((of_train, len(cut_scenes), error), _Choice(splits, cuts[: len(splits) - 1])))
    if not judged:
        return None
    fewest = min(judged, key=lambda found: found[0])[0]
    about = [c for cost, c in judged if cost[:2] == fewest[:2] and cost[2] <= fewest[2] + _ABOUT_EQUAL * count]
    return about[int(randint(len(about), seed, 0, torch.tensor([0]), Draw.SPLIT))]


def _near(places: Sequence[int], gaps: Sequence[int], ideal: float) -> list[int]:
    found: set[int] = set()
    for some in (places, gaps):
        middle = bisect_left(some, ideal)
        found.update(some[max(0, middle - _NEAREST) : middle + _NEAREST])
    return sorted(found)


def _blocks(
    order: Sequence[int], scenes: Sequence[int], rows: Sequence[frozenset[tuple[int, ...]]], chosen: _Choice
) -> Blocks:
    edges = [0, *chosen.cuts, len(order)]
    index, blocks, borders, seen = {}, {}, [], []
    for split, (start, stop) in zip(chosen.splits, pairwise(edges), strict=True):
        index[split] = torch.tensor(order[start:stop]).sort().values
        cuts = [start, *(p for p in range(start + 1, stop) if scenes[p] != scenes[p - 1]), stop]
        blocks[split] = [(order[a], order[b - 1]) for a, b in pairwise(cuts)]
        seen.append(frozenset().union(*rows[start:stop]))
        if start and scenes[start] == scenes[start - 1]:
            borders.append((order[start - 1], order[start]))
    apart = all(a.isdisjoint(b) for i, a in enumerate(seen) for b in seen[i + 1 :])
    return Blocks(index, blocks, borders, apart)
