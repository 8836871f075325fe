"""From the parts that a data set comes in to train, val and test, by a rule that the record keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import torch

from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.labels import Labels
from tlbench.data.carve_options import carved_fractions
from tlbench.data.listing import Listing, taken
from tlbench.data.samples import Samples
from tlbench.data.splits import stratified_split, stratified_subset

S = TypeVar("S", Listing[Labels], Samples[Labels])


def carve(
    parts: Mapping[str, S], data: LabelDataConfig, split_seed: int, named: str = "official"
) -> tuple[dict[str, S], dict[str, Any]]:
    """Choose the classes, carve what is missing out of train, and take the subset to train on.

    Args:
        parts: `train`, and `val` and `test` where the data set has them, with equal classes; listed or read.
        data: The target's config.
        split_seed: Seed of the splits and of the subset.
        named: What the parts are called in the rule.

    Returns:
        The splits `train`, `val` and `test`, and the rule.

    Raises:
        DataError: A class does not exist or has too few images for a split or for `data.shots`.
    """
    if data.classes is not None:
        parts = {split: images.chosen(data.classes) for split, images in parts.items()}
    train = parts["train"]
    labels, names = train.annotations.labels, train.class_names
    fractions = carved_fractions(data, parts)
    index = (
        stratified_split(labels, fractions, split_seed, names) if fractions else {"train": torch.arange(len(labels))}
    )
    subset = stratified_subset(
        labels[index["train"]], fraction=data.fraction, shots=data.shots, seed=split_seed, class_names=names
    )
    index["train"] = index["train"][subset]
    splits = {split: taken(train, rows) for split, rows in index.items()}
    splits |= {split: images for split, images in parts.items() if split != "train"}
    whole = f"{named} train" if len(parts) > 1 else "all images"
    rule: dict[str, Any] = {
        "train": (f"the rest of {whole}" if len(parts) > 1 else "the rest") if fractions else whole,
        "val": named if "val" in parts else f"carved out of {whole}, stratified",
        "test": named if "test" in parts else f"carved out of {whole}, stratified",
        "val_fraction": fractions.get("val"),
        "test_fraction": fractions.get("test"),
        "fraction": data.fraction,
        "shots": data.shots,
        "split_seed": split_seed,
        "counts": {split: len(splits[split]) for split in ("train", "val", "test")},
    }
    return splits, rule
