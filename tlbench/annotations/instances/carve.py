"""From the parts that a data set with boxes comes in to train, val and test, by a rule that the record keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.frame_blocks import Blocks, frame_blocks
from tlbench.annotations.instances.images import BoxImages, BoxSplit
from tlbench.annotations.instances.label_leak import label_leak
from tlbench.annotations.instances.listing import BoxListing, joined
from tlbench.data.carve_options import carved_fractions, class_numbers, wanted_classes
from tlbench.errors import DataError
from tlbench.seeds import Draw, bits
from tlbench.system.voice import Voice

Boxes = TypeVar("Boxes", BoxListing, BoxSplit, BoxImages)


def carve_boxes(
    parts: Mapping[str, BoxListing],
    data: InstanceDataConfig,
    split_seed: int,
    named: str,
    voice: Voice,
    frames: bool = False,
) -> tuple[dict[str, BoxListing], dict[str, Any]]:
    """Choose the classes, decide which images are train, val and test, and take the subset to train on.

    Without an official test split the official val becomes test, and another val is carved out of train: at random by
    image (not stratified: an image can have objects of many classes), or by blocks of consecutive frames. With
    `data.split=blocked` all images are divided anew, by blocks of frames.

    Args:
        parts: `train`, and `val` and `test` where the data set has them.
        data: The target's config.
        split_seed: Seed of the splits and of the subset.
        named: What the parts are called in the rule: `official`, `the folder's`.
        voice: Speaks to the user.
        frames: Whether the images are frames of videos.

    Returns:
        The splits `train`, `val` and `test`, and the rule.

    Raises:
        DataError: A class does not exist, or a split would be empty or without objects.
    """
    if data.classes is not None:
        parts = {part: choose_classes(listing, data.classes) for part, listing in parts.items()}
    whole = f"{named} train" if len(parts) > 1 else "all images"
    if data.split == "blocked":
        parts, whole, frames = {"train": joined(list(parts.values()))}, "all images", True
    origin = {split: f"{named} {split}" for split in parts}
    if "val" in parts and "test" not in parts:
        parts, origin["test"] = {"train": parts["train"], "test": parts["val"]}, f"{named} val"
    train = parts["train"]
    fractions = carved_fractions(data, parts)
    blocks = frame_blocks(train, fractions, split_seed) if frames and fractions else None
    index = blocks.index if blocks else random_split(len(train), fractions, split_seed)
    chosen = index["train"][_subset(len(index["train"]), data.fraction, split_seed)]
    splits = {"train": train.take(chosen)}
    splits |= {split: parts[split] if split in parts else train.take(index[split]) for split in ("val", "test")}
    check_objects(train.root, splits, fractions)
    if blocks and not blocks.rows_apart:
        voice.warn(
            "data.split: identical label rows stand in neighbouring blocks of frames, as nearly all frames share them; "
            "the splits are not independent"
        )
    how = "by blocks of consecutive frames" if blocks else "at random by image, not stratified"
    carved = f"carved out of {whole}, {how}"
    rule: dict[str, Any] = {
        "split": data.split,
        "train": f"the rest of {whole}" if fractions else f"{named} train",
        "val": carved if "val" in fractions else origin["val"],
        "test": carved if "test" in fractions else origin["test"],
        "val_fraction": fractions.get("val"),
        "test_fraction": fractions.get("test"),
        "fraction": data.fraction,
        "split_seed": split_seed,
        **counted(splits),
    }
    return splits, rule | (_block_rule(train, blocks, splits) if blocks else {})


def uncarved(parts: Mapping[str, BoxListing], data: InstanceDataConfig) -> dict[str, BoxListing]:
    """Choose the classes and keep every image: nothing is carved out, and no subset is taken.

    Args:
        parts: As for `carve_boxes`; one without objects, or without images, is allowed.
        data: The target's config.

    Raises:
        DataError: A class does not exist, or there are no objects at all.
    """
    if data.classes is not None:
        parts = {part: choose_classes(listing, data.classes) for part, listing in parts.items()}
    if not any(len(listing.labels) for listing in parts.values()):
        train = parts["train"]
        raise DataError(
            f"{train.root}: {sum(map(len, parts.values()))} images and no objects of {', '.join(train.class_names)}; "
            "add labels, or choose other classes"
        )
    return dict(parts)


def choose_classes(listing: Boxes, wanted: Sequence[str]) -> Boxes:
    """All images with the objects of some classes, which are numbered in the wanted order.

    Raises:
        DataError: A class does not exist.
    """
    numbers = class_numbers(listing.class_names, wanted)
    labels = numbers[listing.labels]
    kept = labels >= 0
    before = torch.cat([torch.zeros(1, dtype=torch.int64), kept.cumsum(0)])
    return replace(
        listing,
        boxes=listing.boxes[kept],
        labels=labels[kept],
        starts=before[listing.starts],
        class_names=wanted_classes(listing.class_names, wanted),
        crowds=None if listing.crowds is None else listing.crowds.renumbered(numbers),
    )


def random_split(count: int, fractions: Mapping[str, float], seed: int) -> dict[str, Tensor]:
    """Carve round(N · fraction) images of each part out of N, in random order, and leave the rest for training.

    A part does not depend on the fractions of those after it.

    Returns:
        `train` and each part → sorted int64 positions.

    Raises:
        DataError: A part, or train, would be empty.
    """
    order = torch.argsort(bits(seed, 0, torch.arange(count), Draw.SPLIT), stable=True)
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


def _subset(count: int, fraction: float, seed: int) -> Tensor:
    """Sorted positions of round(N · fraction) of N images; with one seed, a smaller fraction's are among a larger's."""
    wanted = round(count * fraction)
    if count == 0:
        raise DataError("train has no image that can be read; add images, or lower the carved fractions")
    if wanted == 0:
        raise DataError(f"data.fraction={fraction:g}: leaves none of {count} training images; use a larger fraction")
    order = torch.argsort(bits(seed, 0, torch.arange(count), Draw.SUBSET), stable=True)
    return order[:wanted].sort().values


def check_objects(where: str | Path, splits: Mapping[str, Boxes], carved: Collection[str]) -> None:
    """Refuse splits in which there is nothing to find.

    Args:
        where: What the data are called, for the message.
        splits: Split → its images.
        carved: The splits whose size a fraction of the config decides.

    Raises:
        DataError: A split has no image, or none with an object.
    """
    for split, found in splits.items():
        if len(found.labels) == 0:
            mend = f"change data.{split}_fraction" if split in carved else "add labels, or choose other classes"
            raise DataError(
                f"{where}: {split} has {len(found)} images and no objects of {', '.join(found.class_names)}; {mend}"
            )


def counted(splits: Mapping[str, Boxes]) -> dict[str, dict[str, int]]:
    """How many images, objects, and images without any each split has: a part of the rule; crowds where it has some."""
    crowds = {split: len(found.crowds) for split, found in splits.items() if found.crowds is not None}
    return {
        "counts": {split: len(found) for split, found in splits.items()},
        "objects": {split: len(found.labels) for split, found in splits.items()},
        "background": {split: int((found.starts.diff() == 0).sum()) for split, found in splits.items()},
        **({"crowds": crowds} if crowds else {}),
    }


def _block_rule(train: BoxListing, blocks: Blocks, splits: Mapping[str, BoxListing]) -> dict[str, Any]:
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
