"""Splits and subsets, stratified by label or at random, drawn as functions of split seed and of each image's key."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from tlbench.data.drawing import Drawing
from tlbench.errors import DataError
from tlbench.seeds import Draw

# All streams may share one seed: their draw numbers (order 0, augmentation 1 … 9) must differ to be independent.


def stratified_split(
    labels: Tensor, fractions: Mapping[str, float], drawn: Drawing, class_names: Sequence[str]
) -> dict[str, Tensor]:
    """Carve parts out of the images and leave the rest for training.

    A part has about N · fraction images, shared among the classes as `_quota` does; classes of which it would have
    none, or too few would be left, get one image each in every part where they have so many. Parts are carved in the
    given order, so the first does not depend on the fractions of the others.

    Args:
        labels: (N,) int64 positions in `class_names`.
        fractions: Part (`val`, `test`) → fraction of all N images, in (0, 1).
        drawn: The N images.
        class_names: One name a class.

    Returns:
        `train` and each part → sorted int64 indices; disjoint, together all of 0 … N - 1.

    Raises:
        DataError: A class would have no image in a part, or none left for training.
    """
    members = _members(labels, drawn, Draw.SPLIT, len(class_names))
    taken = [0] * len(members)
    split: dict[str, Tensor] = {}
    for later, (part, fraction) in enumerate(fractions.items(), 1 - len(fractions)):
        quota = _quota([len(m) for m in members], fraction, drawn)
        if sum(fractions.values()) < 1:
            room = [len(m) - t - 1 + later for m, t in zip(members, taken, strict=True)]  # beside one each elsewhere
            quota = [min(max(q, 1), r) if r > 0 else q for q, r in zip(quota, room, strict=True)]
        for c, wanted in enumerate(quota):
            if not 0 < wanted < len(members[c]) - taken[c]:
                raise DataError(
                    f"data.{part}_fraction={fraction:g}: class {class_names[c]!r} has {len(members[c])} images, too "
                    f"few for at least one each in {_listed(['train', *fractions])}; add images of it or change the "
                    "fraction"
                )
        split[part] = _join(m[t : t + q] for m, t, q in zip(members, taken, quota, strict=True))
        taken = [t + q for t, q in zip(taken, quota, strict=True)]
    return {"train": _join(m[t:] for m, t in zip(members, taken, strict=True)), **split}


def stratified_subset(
    labels: Tensor, *, fraction: float = 1.0, shots: int | None = None, drawn: Drawing, class_names: Sequence[str]
) -> Tensor:
    """Choose some of the training images: a number a class, or a fraction of all of them.

    With one seed, fewer shots are a subset of more shots; by the images' identity fractions are so as well.

    Args:
        labels: (N,) int64 positions in `class_names`.
        fraction: Fraction of the N images, in (0, 1]; used where `shots` is None.
        shots: Images a class.
        drawn: The N images.
        class_names: One name a class.

    Returns:
        Sorted int64 indices into `labels`.

    Raises:
        DataError: A class has fewer than `shots` images, or none in the fraction.
    """
    members = _members(labels, drawn, Draw.SUBSET, len(class_names))
    counts = [len(m) for m in members]
    quota = _quota(counts, fraction, drawn) if shots is None else [shots] * len(members)
    for name, count, wanted in zip(class_names, counts, quota, strict=True):
        if count == 0:
            raise DataError(
                f"class {name!r} has no image left for training: all of its groups (data.group) or images (data.folds) "
                "lie in other splits; group by something finer, or take fewer classes"
            )
        if wanted > count:
            raise DataError(
                f"data.shots={shots}: class {name!r} has {count} training images; "
                f"allowed here: 1 to {min(counts)}, or null for all"
            )
        if wanted == 0:
            raise DataError(
                f"data.fraction={fraction:g}: leaves none of the {count} training images of class {name!r}; "
                "use a larger fraction or data.shots"
            )
    return _join(m[:q] for m, q in zip(members, quota, strict=True))


def random_split(drawn: Drawing, fractions: Mapping[str, float]) -> dict[str, Tensor]:
    """Carve round(N · fraction) images of each part out of N, in random order, and leave the rest for training.

    A part does not depend on the fractions of those after it.

    Returns:
        `train` and each part → sorted int64 positions.

    Raises:
        DataError: A part, or train, would be empty.
    """
    order, count = drawn.order(Draw.SPLIT), len(drawn)
    split, start = {}, 0
    for part, fraction in fractions.items():
        stop = start + round(count * fraction)
        if not start < stop < count:
            raise DataError(
                f"data.{part}_fraction={fraction:g}: of {count} images that leaves none for {part} or for train; add "
                "images or change the fraction"
            )
        split[part] = order[start:stop].sort().values
        start = stop
    return {"train": order[start:].sort().values, **split}


def random_subset(drawn: Drawing, fraction: float) -> Tensor:
    """Choose round(N · fraction) of N training images at random; with one seed, fewer are a subset of more.

    Returns:
        Sorted int64 positions.

    Raises:
        DataError: There is no image, or the fraction leaves none.
    """
    count = len(drawn)
    wanted = round(count * fraction)
    if count == 0:
        raise DataError("train has no image that can be read; add images, or lower the carved fractions")
    if wanted == 0:
        raise DataError(f"data.fraction={fraction:g}: leaves none of {count} training images; use a larger fraction")
    return drawn.order(Draw.SUBSET)[:wanted].sort().values


def _members(labels: Tensor, drawn: Drawing, draw: Draw, classes: int) -> list[Tensor]:
    """Each class's sample indices in random order."""
    order = drawn.order(draw)
    by_class = order[torch.argsort(labels[order], stable=True)]
    return list(torch.split(by_class, torch.bincount(labels, minlength=classes).tolist()))


def _quota(counts: Sequence[int], fraction: float, drawn: Drawing) -> list[int]:
    """Images of each class in a part.

    By identity each class's share is rounded alone: no class's number depends on another's, and none falls where the
    fraction rises. By position the part has round(Σ counts · fraction), shared by largest remainder (Hamilton); ties go
    to the first class.
    """
    shares = [n * fraction for n in counts]
    if drawn.by_identity:
        return [math.floor(share + 0.5) for share in shares]
    quota = [int(share) for share in shares]
    by_remainder = sorted(range(len(counts)), key=lambda c: quota[c] - shares[c])
    for c in by_remainder[: round(sum(counts) * fraction) - sum(quota)]:
        quota[c] += 1
    return quota


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _join(parts: Iterable[Tensor]) -> Tensor:
    return torch.cat(list(parts)).sort().values
