"""From the parts that a data set comes in to train, val and test: what is the same whatever the annotation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor

from tlbench.config import DataConfig
from tlbench.data.listing import Listing, taken
from tlbench.data.samples import Samples

S = TypeVar("S", Listing[Any], Samples[Any])


def chosen_parts(parts: Mapping[str, S], data: DataConfig) -> dict[str, S]:
    """The parts with the classes that `data.classes` names.

    Raises:
        DataError: A class does not exist.
    """
    if data.classes is None:
        return dict(parts)
    return {part: found.chosen(data.classes) for part, found in parts.items()}


def carve(
    parts: Mapping[str, S],
    fractions: Mapping[str, float],
    divide: Callable[[], Mapping[str, Tensor]],
    subset: Callable[[Tensor], Tensor],
) -> dict[str, S]:
    """Carve what is missing out of train, and take the subset to train on.

    Args:
        parts: `train`, and `val` and `test` where the data set has them; listed or read.
        fractions: Each split that is missing → its fraction of train.
        divide: Divides the N images of train: `train` and each missing split → int64 positions. Only called where a
            split is missing.
        subset: (M,) int64 positions of what is left for training → positions in these of those to train on.

    Returns:
        The splits `train`, `val` and `test`.
    """
    train = parts["train"]
    index = dict(divide()) if fractions else {"train": torch.arange(len(train))}
    index["train"] = index["train"][subset(index["train"])]
    return {split: taken(train, index[split]) if split in index else parts[split] for split in ("train", "val", "test")}


def carving_rule(
    data: DataConfig, fractions: Mapping[str, float], split_seed: int, origin: Mapping[str, str]
) -> dict[str, Any]:
    """What a record keeps of a carving, whatever the annotation.

    Args:
        data: The target's config.
        fractions: Each split that was carved → its fraction.
        split_seed: Seed of the splits and of the subset.
        origin: Split → where it comes from, in words.
    """
    return {
        **{split: origin[split] for split in ("train", "val", "test")},
        "val_fraction": fractions.get("val"),
        "test_fraction": fractions.get("test"),
        "fraction": data.fraction,
        "split_seed": split_seed,
    }
