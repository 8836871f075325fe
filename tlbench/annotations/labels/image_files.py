"""A user's own images: a folder per class, or a CSV file of paths and labels."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from tlbench.annotations.labels.carve import carve
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.images import Images
from tlbench.annotations.labels.reach import own_root
from tlbench.annotations.labels.reading import read_listings
from tlbench.data.decode import Decoding
from tlbench.data.formats.csv.listing import list_csv
from tlbench.data.formats.folders.class_folders import list_splits
from tlbench.data.listing import Listed
from tlbench.data.pixel_range import (
    origin_of,
    tell_ranges,
)
from tlbench.data.target import Target
from tlbench.system.voice import Voice


def open_image_files(
    data: LabelDataConfig,
    split_seed: int,
    voice: Voice,
    how: Decoding | None = None,
) -> Target[Images]:
    """Images in folders or listed in a CSV file; splits that they lack are carved out of train.

    Args:
        data: The target's config.
        split_seed: As in `open_target`.
        voice: Likewise.
        how: Likewise.

    Raises:
        DataError: The files cannot be used; more than `data.max_unreadable` of them cannot be decoded.
    """
    root = own_root(data)
    named = "the folder's" if data.name == "image_folder" else "the file's"
    all_of_train = data.model_copy(update={"fraction": 1.0, "shots": None})

    def training(parts: Mapping[str, Images]) -> tuple[str, ...]:
        return carve(parts, all_of_train, split_seed, named)[0]["train"].names or ()

    listed = list_files(root, data, voice)
    read = read_listings(listed.parts, data, voice, how or training)
    splits, rule = carve(read.parts, data, split_seed, named)
    facts = read.of(splits)
    tell_ranges(read.ranges, origin_of(data, how), facts, voice)
    inventory = listed.inventory.leaving_out(_names_there(listed, read.unreadable), "unreadable")
    return Target(data.name, splits, rule, read.unreadable, inventory, facts, read.ranges)


def list_files(root: Path, data: LabelDataConfig, voice: Voice) -> Listed:
    """The listing of each split that the folder or CSV file has, of the classes of `data.classes` alone.

    Raises:
        DataError: As `list_splits` and `list_csv`.
    """
    list_them = list_splits if data.name == "image_folder" else list_csv
    return list_them(root, data.limits, data.classes, voice)


def _names_there(listed: Listed, names: Iterable[str]) -> list[str]:
    """The names that the inventory has for files of the listings, whose root may be another."""
    root = listed.parts["train"].root
    return [os.path.relpath(root / name, listed.inventory.root).replace(os.sep, "/") for name in names]
