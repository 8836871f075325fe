"""From the parts that a data set comes in to train, val and test: what is the same whatever the annotation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from tlbench.config import DataConfig
from tlbench.data.balanced import folds_of, grouped_split
from tlbench.data.carve_options import carved_fractions, folded
from tlbench.data.drawing import Drawing, drawing
from tlbench.data.listing import Listing, taken
from tlbench.data.samples import Samples

S = TypeVar("S", Listing[Any], Samples[Any])

Divide = Callable[[Mapping[str, float], Tensor, Drawing], Mapping[str, Tensor]]
"""From each split that is missing with its fraction of K images, from their (K,) int64 positions in train and from what
they are drawn by: `train` and each of those splits → positions among the K.
"""


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
    data: DataConfig,
    split_seed: int,
    divide: Divide,
    subset: Callable[[Tensor, Drawing], Tensor],
) -> dict[str, S]:
    """Carve what is missing out of train, and take the subset to train on.

    Args:
        parts: `train`, and `val` and `test` where the data set has them; listed or read.
        data: The target's config.
        split_seed: Seed of the splits and of the subset.
        divide: See `Divide`; only called where a split is missing and images stand alone.
        subset: From (M,) int64 positions of what is left for training, and from these images: positions in these of
            those to train on.

    Returns:
        The splits `train`, `val` and `test`.

    Raises:
        DataError: A split would be empty; what `data.group` or `data.folds` ask for cannot be had.
    """
    train, fractions = parts["train"], carved_fractions(data, parts)
    drawn = drawing(train, data, split_seed, grouped=bool(fractions))

    def divided(fractions: Mapping[str, float], some: Tensor, drawn: Drawing) -> dict[str, Tensor]:
        if drawn.groups is not None:
            found: Mapping[str, Tensor] = grouped_split(
                train.annotations.present()[some], fractions, drawn, data.group or ""
            )
        else:
            found = divide(fractions, some, drawn)
        return {split: some[positions] for split, positions in found.items()}

    index: dict[str, Tensor] = {"train": torch.arange(len(train))}
    if data.folds is not None:
        index = _with_fold(train.annotations.present(), data.folds, folded(data, parts), fractions, drawn, divided)
    elif fractions:
        index = divided(fractions, index["train"], drawn)
    index["train"] = index["train"][subset(index["train"], drawn.take(index["train"]))]
    return {split: taken(train, index[split]) if split in index else parts[split] for split in ("train", "val", "test")}


def _with_fold(
    holds: Tensor,
    folds: int,
    split: str,
    fractions: Mapping[str, float],
    drawn: Drawing,
    divided: Callable[[Mapping[str, float], Tensor, Drawing], dict[str, Tensor]],
) -> dict[str, Tensor]:
    """The positions of a division in which a split is one of the folds, numbered by the split seed.

    A test split is carved first where it is not the fold, by a seed that is the same for all folds and repetitions; val
    is carved out of what the fold leaves where that is test.
    """
    fixed = replace(drawn, seed=0)
    held = {"train": torch.arange(len(drawn))}
    if split == "val" and "test" in fractions:
        held = divided({"test": fractions["test"]}, held["train"], fixed)
    rest = held["train"]
    fold = folds_of(holds[rest], folds, fixed.take(rest), drawn.seed // folds) == drawn.seed % folds
    held |= {split: rest[fold], "train": rest[~fold]}
    if split == "test" and "val" in fractions:
        held |= divided({"val": fractions["val"]}, held["train"], drawn.take(held["train"]))
    return held


def carved_out_of(whole: str, usual: str, data: DataConfig, split_seed: int, parts: Mapping[str, S]) -> dict[str, str]:
    """Each split that is carved → where it comes from, in words.

    Args:
        whole: What is carved.
        usual: How, where neither groups nor folds are asked for.
        data: The target's config.
        split_seed: Seed of the splits.
        parts: Those that the data set has.
    """
    how = usual if data.group is None else f"by group ({data.group}), stratified by what images hold"
    origin = dict.fromkeys(carved_fractions(data, parts), f"carved out of {whole}, {how}")
    if data.folds is not None:
        together = "" if data.group is None else f", by group ({data.group})"
        number = f"fold {split_seed % data.folds + 1} of {data.folds} of {whole}"
        origin[folded(data, parts)] = (
            f"{number}, stratified by what images hold{together}; repetition {split_seed // data.folds + 1}"
        )
    return origin


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
    fold = "test" if "test" in fractions and data.test_fraction is None else "val"
    asked = {"group": data.group, "folds": data.folds, "fold": None if data.folds is None else fold}
    return {
        **{split: origin[split] for split in ("train", "val", "test")},
        "val_fraction": fractions.get("val"),
        "test_fraction": fractions.get("test"),
        "fraction": data.fraction,
        "split_seed": split_seed,
        "draw": data.draw,
        **{key: value for key, value in asked.items() if value is not None},
    }
