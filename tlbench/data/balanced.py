"""Parts of about the wanted sizes, in which each class has about its share, of images that stand alone or in groups."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.data.audit_texts import number
from tlbench.data.drawing import Drawing
from tlbench.errors import DataError
from tlbench.seeds import Draw


def grouped_split(holds: Tensor, fractions: Mapping[str, float], drawn: Drawing, group: str = "") -> dict[str, Tensor]:
    """Carve parts out of images that stay together in groups, and leave the rest for training.

    Args:
        holds: (N, C) bool: the classes that each image holds.
        fractions: Part (`val`, `test`) → fraction of all N images, in (0, 1).
        drawn: The N images, with groups.
        group: How these were asked for.

    Returns:
        `train` and each part → sorted int64 positions; no group lies in two of them.

    Raises:
        DataError: There are fewer groups than splits.
    """
    shares = {"train": 1 - sum(fractions.values()), **fractions}
    count = _units_in(drawn)
    if count < len(shares):
        raise DataError(
            f"data.group={group}: {number(count, 'group')} for {', '.join(shares)}; it takes {len(shares)}: group by "
            "something finer"
        )
    part = _assigned(holds, list(shares.values()), drawn, Draw.SPLIT)
    return {name: torch.nonzero(part == i).flatten() for i, name in enumerate(shares)}


def folds_of(holds: Tensor, folds: int, drawn: Drawing, repetition: int) -> Tensor:
    """(N,) int64 in [0, folds): the fold of each image, for k-fold cross-validation, stratified by what images hold.

    Args:
        holds: (N, C) bool: the classes that each image holds.
        folds: Their number, at least 2.
        drawn: The N images; those of one group are in one fold.
        repetition: Which division, ≥ 0: each is drawn anew.

    Raises:
        DataError: There are fewer images, or groups, than folds.
    """
    count = _units_in(drawn)
    if count < folds:
        what = number(count, "image" if drawn.groups is None else "group")
        raise DataError(f"data.folds={folds}: there are only {what}; use at most {count}, or null")
    if drawn.groups is None and bool((holds.sum(1) <= 1).all()):
        return _dealt(holds, folds, drawn.order(Draw.FOLD, repetition))
    return _assigned(holds, [1 / folds] * folds, drawn, Draw.FOLD, repetition)


def _assigned(holds: Tensor, shares: list[float], drawn: Drawing, draw: Draw, repetition: int = 0) -> Tensor:
    """(N,) int64: each image's part, dealt out greedily, the largest units first and equal ones in random order.

    A unit goes to the part that it brings nearest to its share of images and of each class, relative to that share:
    iterative stratification (Sechidis et al. 2011, doi:10.1007/978-3-642-23808-6_10) for units of unequal size.
    """
    order = drawn.order(draw, repetition)
    unit_of = _units(drawn, order)
    content = _summed(holds, unit_of)
    total = content.sum(0)
    used = total > 0
    content, total = content[:, used] / total[used], total[used]
    wanted = np.array(shares)[:, None]
    has = np.zeros((len(shares), len(total)))
    part = np.empty(len(content), np.int64)
    for unit in np.argsort(-content[:, -1], kind="stable"):
        gap = (content[unit] * (2 * (has - wanted) + content[unit]) / wanted).sum(1)
        chosen = int(gap.argmin())
        has[chosen] += content[unit]
        part[unit] = chosen
    for empty in set(range(len(shares))) - set(part.tolist()):  # a part that is wanted small gets the smallest unit
        counts = np.bincount(part, minlength=len(shares))
        spare = np.flatnonzero(counts[part] > 1)
        part[spare[content[spare, -1].argmin()]] = empty
    return torch.from_numpy(part[unit_of])


def _dealt(holds: Tensor, folds: int, order: Tensor) -> Tensor:
    """(N,) int64: each image's fold, those of one class dealt out in turn, one class after the other.

    Args:
        holds: (N, C) bool, at most one class an image.
        folds: Their number.
        order: (N,) positions in random order.
    """
    classes = torch.where(holds.any(1), holds.int().argmax(1) if holds.shape[1] else torch.zeros(len(holds)), -1)
    by_class = order[torch.argsort(classes[order], stable=True)]
    fold = torch.empty(len(order), dtype=torch.int64)
    fold[by_class] = torch.arange(len(order)) % folds
    return fold


def _units(drawn: Drawing, order: Tensor) -> NDArray[np.int64]:
    """(N,): the unit of each image, numbered in random order: its group, or itself."""
    place = np.empty(len(drawn), np.int64)
    place[order.numpy()] = np.arange(len(drawn))
    if drawn.groups is None:
        return place
    first = np.full(int(drawn.groups.max()) + 1, len(drawn), np.int64)
    np.minimum.at(first, drawn.groups.numpy(), place)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    found: NDArray[np.int64] = rank[drawn.groups.numpy()]
    return found


def _units_in(drawn: Drawing) -> int:
    return len(drawn) if drawn.groups is None else len(np.unique(drawn.groups.numpy()))


def _summed(holds: Tensor, unit_of: NDArray[np.int64]) -> NDArray[np.float64]:
    """(U, C + 1): how many images of each unit hold each class, and how many it has."""
    rows = np.concatenate([holds.numpy().astype(np.float64), np.ones((len(holds), 1))], axis=1)
    found = np.zeros((int(unit_of.max()) + 1, rows.shape[1]))
    np.add.at(found, unit_of, rows)
    return found
