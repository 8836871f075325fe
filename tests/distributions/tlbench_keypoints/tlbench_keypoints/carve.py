"""From the parts that a data set with key points comes in to train, val and test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from tlbench.data.carve import carve, carved_out_of, carving_rule, chosen_parts
from tlbench.data.carve_options import carved_fractions
from tlbench.data.listing import Listing
from tlbench.data.samples import Samples
from tlbench.data.splits import random_split, random_subset
from tlbench.errors import DataError
from tlbench_keypoints.config import PointDataConfig
from tlbench_keypoints.points import Points

S = TypeVar("S", Listing[Points], Samples[Points])


def carve_points(
    parts: Mapping[str, S], data: PointDataConfig, split_seed: int, named: str = "official"
) -> tuple[dict[str, S], dict[str, Any]]:
    """Choose the points, carve what is missing out of train at random, and take the subset to train on.

    Args:
        parts: `train`, and `val` and `test` where the data set has them; listed or read.
        data: The target's config.
        split_seed: Seed of the splits and of the subset.
        named: What the parts are called in the rule.

    Returns:
        The splits `train`, `val` and `test`, and the rule.

    Raises:
        DataError: A coordinate does not exist, or a split would be empty.
    """
    parts = chosen_parts(parts, data)
    fractions = carved_fractions(data, parts)
    splits = carve(
        parts,
        data,
        split_seed,
        lambda fractions, _, drawn: random_split(drawn, fractions),
        lambda _, drawn: random_subset(drawn, data.fraction),
    )
    whole = f"{named} train" if len(parts) > 1 else "all images"
    origin = {split: f"{named} {split}" for split in parts}
    origin |= carved_out_of(whole, "at random by image", data, split_seed, parts)
    if fractions:
        origin["train"] = f"the rest of {whole}"
    rule = carving_rule(data, fractions, split_seed, origin)
    return splits, rule | {"counts": {split: len(found) for split, found in splits.items()}}


def check_points(where: str | Path, splits: Mapping[str, Samples[Points]]) -> None:
    """Refuse splits in which no point is seen.

    Raises:
        DataError: Naming the split.
    """
    for split, found in splits.items():
        if not bool(found.annotations.seen.any()):
            raise DataError(f"{where}: {split} has {len(found)} images and no point in them; fill in coordinates")
