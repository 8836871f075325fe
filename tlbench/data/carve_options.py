"""What `data.classes`, `data.test_fraction` and `data.val_fraction` ask for, whatever the labels."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from tlbench.config import DataConfig
from tlbench.errors import DataError, short


def class_numbers(class_names: Sequence[str], wanted: Sequence[str]) -> Tensor:
    """(C,) int64: the position of each class among those wanted; -1 where it is not.

    Args:
        class_names: C names that the data have.
        wanted: Some of them, in any order.

    Raises:
        DataError: A class does not exist.
    """
    position = {name: i for i, name in enumerate(class_names)}
    unknown = [name for name in wanted if name not in position]
    if unknown:
        there = short(", ".join(class_names), 400)
        raise DataError(f"data.classes: no class {', '.join(map(repr, unknown))}; the data have {there}")
    numbers = torch.full((len(class_names),), -1)
    numbers[[position[name] for name in wanted]] = torch.arange(len(wanted))
    return numbers


def carved_fractions(data: DataConfig, parts: Collection[str]) -> dict[str, float]:
    """Split → its fraction of train, for those of `test` and `val` that are not among the parts.

    Test comes first: what it holds does not depend on `data.val_fraction`.

    Raises:
        DataError: A fraction is null.
    """
    fractions = {}
    for split, fraction in {"test": data.test_fraction, "val": data.val_fraction}.items():
        if split in parts:
            continue
        if fraction is None:
            raise DataError(f"data.{split}_fraction=null: there is no {split} split; give a fraction in (0, 1)")
        fractions[split] = fraction
    return fractions
