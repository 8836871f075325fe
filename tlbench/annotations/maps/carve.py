"""From the parts that a data set with class maps comes in to train, val and test, by a rule that the record keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.data.carve import carve, carved_out_of, carving_rule, chosen_parts
from tlbench.data.carve_options import carved_fractions
from tlbench.data.listing import Listed, Listing
from tlbench.data.samples import Samples
from tlbench.data.splits import random_split, random_subset
from tlbench.errors import DataError

Found = Listing[ClassMaps] | Samples[ClassMaps]


S = TypeVar("S", Listing[ClassMaps], Samples[ClassMaps])


def carve_maps(
    where: str | Path, parts: Mapping[str, S], data: MapDataConfig, split_seed: int, named: str
) -> tuple[dict[str, S], dict[str, Any]]:
    """Choose the classes, decide which images are train, val and test, and take the subset to train on.

    What is missing is carved out at random by image: an image has many classes, so it cannot be stratified by one.
    Without an official test split the official val becomes test, and another val is carved out of train.

    Args:
        where: What the data are called, for messages.
        parts: Those that the data set has, listed or read.
        data: The target's config.
        split_seed: Seed of the splits and of the subset.
        named: What the parts are called in the rule.

    Returns:
        The splits `train`, `val` and `test`, and the rule.

    Raises:
        DataError: A class does not exist, or a split would be empty or without a labelled pixel.
    """
    parts = chosen_parts(parts, data)
    whole = f"{named} train" if len(parts) > 1 else "all images"
    origin = {split: f"{named} {split}" for split in parts}
    if "val" in parts and "test" not in parts:
        parts, origin["test"] = {"train": parts["train"], "test": parts["val"]}, f"{named} val"
    fractions = carved_fractions(data, parts)
    splits = carve(
        parts,
        data,
        split_seed,
        lambda fractions, _, drawn: random_split(drawn, fractions),
        lambda _, drawn: random_subset(drawn, data.fraction),
    )
    check_labelled(where, splits, fractions)
    origin |= carved_out_of(whole, "at random by image, not stratified", data, split_seed, parts)
    if fractions:
        origin["train"] = f"the rest of {whole}"
    rule = {"split": data.split, **carving_rule(data, fractions, split_seed, origin), **counted(splits)}
    return splits, rule


def check_any_labelled(listed: Listed[ClassMaps], data: MapDataConfig) -> None:
    """Refuse data without any pixel of the wanted classes; a part may be without.

    Raises:
        DataError: There is none; a class does not exist.
    """
    parts = list(chosen_parts(listed.parts, data).values())
    if not any(int(part.annotations.counts.sum()) for part in parts):
        raise DataError(_unlabelled(listed.root, "the data", parts[0], "mend the masks, or choose other classes"))


def check_labelled(where: str | Path, splits: Mapping[str, Found], carved: Collection[str]) -> None:
    """Refuse splits in which nothing can be learned or measured.

    Args:
        where: What the data are called, for the message.
        splits: Split → its images.
        carved: The splits whose size a fraction of the config decides.

    Raises:
        DataError: A split has no image, or none with a labelled pixel.
    """
    for split, found in splits.items():
        if int(found.annotations.counts.sum()) == 0:
            mend = f"change data.{split}_fraction" if split in carved else "mend its masks, or move its folder away"
            raise DataError(_unlabelled(where, split, found, mend))


def counted(splits: Mapping[str, Found]) -> dict[str, dict[str, int]]:
    """How many images, labelled pixels, and images without any such each split has: a part of the rule."""
    counts = {split: found.annotations.counts for split, found in splits.items()}
    return {
        "counts": {split: len(found) for split, found in splits.items()},
        "pixels": {split: int(found.sum()) for split, found in counts.items()},
        "unlabelled": {split: int((found.sum(1) == 0).sum()) for split, found in counts.items()},
    }


def _unlabelled(where: str | Path, what: str, found: Found, mend: str) -> str:
    names = ", ".join(found.class_names)
    return f"{where}: {what} has {len(found)} images and no pixel of {names}, as all are ignored; {mend}"
