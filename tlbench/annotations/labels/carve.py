"""From the parts that a data set with labels comes in to train, val and test, by a rule that the record keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.labels import Labels
from tlbench.data.carve import carve, carved_out_of, carving_rule, chosen_parts
from tlbench.data.carve_options import carved_fractions
from tlbench.data.listing import Listing
from tlbench.data.samples import Samples
from tlbench.data.splits import stratified_split, stratified_subset

S = TypeVar("S", Listing[Labels], Samples[Labels])


def carve_by_label(
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
    parts = chosen_parts(parts, data)
    labels, names = parts["train"].annotations.labels, parts["train"].class_names
    splits = carve(
        parts,
        data,
        split_seed,
        lambda fractions, some, drawn: stratified_split(labels[some], fractions, drawn, names),
        lambda left, drawn: stratified_subset(
            labels[left], fraction=data.fraction, shots=data.shots, drawn=drawn, class_names=names
        ),
    )
    fractions = carved_fractions(data, parts)
    whole = f"{named} train" if len(parts) > 1 else "all images"
    rest = f"the rest of {whole}" if len(parts) > 1 else "the rest"
    origin = {**dict.fromkeys(parts, named), **carved_out_of(whole, "stratified", data, split_seed, parts)}
    rule = carving_rule(data, fractions, split_seed, {**origin, "train": rest if fractions else whole})
    return splits, rule | {"shots": data.shots, "counts": {split: len(found) for split, found in splits.items()}}
