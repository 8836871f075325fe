"""From the parts that a data set with boxes comes in to train, val and test, by a rule that the record keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.frame_blocks import Blocks, frame_blocks
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.label_rows import label_leak
from tlbench.data.carve import carve, carved_out_of, carving_rule, chosen_parts
from tlbench.data.carve_options import carved_fractions
from tlbench.data.listing import Listed, Listing, joined
from tlbench.data.samples import Samples
from tlbench.data.splits import random_split, random_subset
from tlbench.errors import DataError
from tlbench.system.voice import Voice

Found = Listing[Instances] | Samples[Instances]


def carve_boxes(
    listed: Listed[Instances], data: InstanceDataConfig, split_seed: int, voice: Voice
) -> tuple[dict[str, Listing[Instances]], dict[str, Any]]:
    """Choose the classes, decide which images are train, val and test, and take the subset to train on.

    Without an official test split the official val becomes test, and another val is carved out of train: at random by
    image (not stratified: an image can have objects of many classes), or by blocks of consecutive frames. With
    `data.split=blocked` all images are divided anew, by blocks of frames.

    Args:
        listed: The parts that the data set has.
        data: The target's config.
        split_seed: Seed of the splits and of the subset.
        voice: Speaks to the user.

    Returns:
        The splits `train`, `val` and `test`, and the rule.

    Raises:
        DataError: A class does not exist, or a split would be empty or without objects.
    """
    named, frames, parts = listed.named, listed.frames, chosen_parts(listed.parts, data)
    whole = f"{named} train" if len(parts) > 1 else "all images"
    if data.split == "blocked":
        parts, whole, frames = {"train": joined(parts.values())}, "all images", True
    origin = {split: f"{named} {split}" for split in parts}
    if "val" in parts and "test" not in parts:
        parts, origin["test"] = {"train": parts["train"], "test": parts["val"]}, f"{named} val"
    train, fractions = parts["train"], carved_fractions(data, parts)
    _check_frames(data, frames=frames)
    blocks = frame_blocks(train, fractions, split_seed) if frames and fractions and data.group is None else None
    splits = carve(
        parts,
        data,
        split_seed,
        lambda fractions, _, drawn: blocks.index if blocks else random_split(drawn, fractions),
        lambda _, drawn: random_subset(drawn, data.fraction),
    )
    check_objects(train.root, splits, fractions)
    if blocks and not blocks.rows_apart:
        voice.warn(
            "data.split: identical label rows stand in neighbouring blocks of frames, as nearly all frames share them; "
            "the splits are not independent"
        )
    how = "by blocks of consecutive frames" if blocks else "at random by image, not stratified"
    origin |= carved_out_of(whole, how, data, split_seed, parts)
    if fractions:
        origin["train"] = f"the rest of {whole}"
    rule = {"split": data.split, **carving_rule(data, fractions, split_seed, origin), **counted(splits)}
    return splits, rule | (_block_rule(train, blocks, splits) if blocks else {})


def _check_frames(data: InstanceDataConfig, *, frames: bool) -> None:
    """Refuse to deal out frames of videos by themselves, and blocks of them that are asked for beside groups or folds.

    Raises:
        DataError: That is asked for.
    """
    if data.split == "blocked" and (data.group is not None or data.folds is not None):
        asked = f"data.group={data.group}" if data.group is not None else f"data.folds={data.folds}"
        raise DataError(f"data.split=blocked and {asked}: both divide all images; use data.split=official, or null")
    if frames and data.folds is not None and data.group is None:
        raise DataError(
            f"data.folds={data.folds}: the images of {data.name} are frames of videos, and neighbours would lie in "
            "different folds; name what belongs together by data.group"
        )


def check_any_object(listed: Listed[Instances], data: InstanceDataConfig) -> None:
    """Refuse data without any object of the wanted classes; a part may be without.

    Raises:
        DataError: There is none; a class does not exist.
    """
    parts = list(chosen_parts(listed.parts, data).values())
    if not any(len(part.annotations.labels) for part in parts):
        raise DataError(
            f"{listed.root}: {sum(map(len, parts))} images and no objects of {', '.join(parts[0].class_names)}; "
            "add labels, or choose other classes"
        )


def check_objects(where: str | Path, splits: Mapping[str, Found], carved: Collection[str]) -> None:
    """Refuse splits in which there is nothing to find.

    Args:
        where: What the data are called, for the message.
        splits: Split → its images.
        carved: The splits whose size a fraction of the config decides.

    Raises:
        DataError: A split has no image, or none with an object.
    """
    for split, found in splits.items():
        if len(found.annotations.labels) == 0:
            mend = f"change data.{split}_fraction" if split in carved else "add labels, or choose other classes"
            raise DataError(
                f"{where}: {split} has {len(found)} images and no objects of {', '.join(found.class_names)}; {mend}"
            )


def counted(splits: Mapping[str, Found]) -> dict[str, dict[str, int]]:
    """How many images, objects, and images without any each split has: a part of the rule; crowds where it has some."""
    all_found = {split: found.annotations for split, found in splits.items()}
    crowds = {split: len(found.crowds) for split, found in all_found.items() if found.crowds is not None}
    return {
        "counts": {split: len(found) for split, found in all_found.items()},
        "objects": {split: len(found.labels) for split, found in all_found.items()},
        "background": {split: int((found.starts.diff() == 0).sum()) for split, found in all_found.items()},
        **({"crowds": crowds} if crowds else {}),
    }


def _block_rule(train: Listing[Instances], blocks: Blocks, splits: Mapping[str, Listing[Instances]]) -> dict[str, Any]:
    """First and last frames of the blocks in each scene, neighbours on two sides, and how many images leak."""
    pairs = (("val", "train"), ("test", "train"), ("test", "val"))
    return {
        "blocks": {
            split: [[train.names[first], train.names[last]] for first, last in found]
            for split, found in blocks.blocks.items()
        },
        "borders": [[train.names[first], train.names[second]] for first, second in blocks.borders],
        "images_with_label_rows_of": {f"{a} of {b}": len(label_leak(splits[b], splits[a])) for a, b in pairs},
    }
