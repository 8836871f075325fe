"""A user's own images: a folder per class, or a CSV file of paths and labels."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from tlbench.annotations.labels.carve import carve
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.labels import Labels
from tlbench.annotations.labels.reach import own_root
from tlbench.data.decode import Decoding
from tlbench.data.formats.csv.listing import list_csv
from tlbench.data.formats.folders.class_folders import list_splits
from tlbench.data.listing import Listed, Listing
from tlbench.data.reading import ReadFiles, open_uncarved, read_files, target_of
from tlbench.data.samples import Samples
from tlbench.data.target import Target
from tlbench.errors import DataError
from tlbench.system.voice import Voice


def open_image_files(
    data: LabelDataConfig,
    split_seed: int,
    voice: Voice,
    how: Decoding | None = None,
) -> Target[Labels]:
    """Images in folders or listed in a CSV file; splits that they lack are carved out of train.

    Args:
        data: The target's config.
        split_seed: As in `open_target`.
        voice: Likewise.
        how: Likewise.

    Raises:
        DataError: The files cannot be used; more than `data.max_unreadable` of them cannot be decoded.
    """
    listed = list_files(data, voice)
    read = read_labels(listed, data, split_seed, voice, how)
    splits, rule = carve(read.parts, data, split_seed, listed.named)
    return target_of(listed, read, splits, rule, data, voice, how)


def open_all_files(data: LabelDataConfig, how: Decoding, voice: Voice) -> tuple[Samples[Labels], ...]:
    """As `open_uncarved`."""
    return open_uncarved(list_files(data, voice), data, how, voice, together=True)


def list_files(data: LabelDataConfig, voice: Voice) -> Listed[Labels]:
    """The listing of each split that the folder or CSV file has, of the classes of `data.classes` alone.

    Raises:
        DataError: As `list_splits` and `list_csv`.
    """
    if data.name == "image_folder":
        return list_splits(own_root(data), data.limits, data.classes, voice)
    return list_csv(own_root(data), data.limits, data.classes, voice)


def read_labels(
    listed: Listed[Labels],
    data: LabelDataConfig,
    split_seed: int,
    voice: Voice,
    how: Decoding | None,
) -> ReadFiles[Labels]:
    """The images of all parts: what is carved out of them depends on which can be read.

    Raises:
        DataError: As `read_files`, or no image of a class can be decoded.
    """

    def training(parts: Mapping[str, Listing[Labels]]) -> Listing[Labels]:
        check_each_class(parts)
        return carve(parts, data.untrimmed(), split_seed, listed.named)[0]["train"]

    read = read_files(listed.parts, data, voice, how or training, together=True)
    check_each_class({part: listed.parts[part].under(samples.annotations) for part, samples in read.parts.items()})
    return read


def check_each_class(parts: Mapping[str, Listing[Labels]]) -> None:
    """Refuse parts that have no readable image of a class.

    Raises:
        DataError: Naming it.
    """
    for part, listing in parts.items():
        counts = torch.bincount(listing.annotations.labels, minlength=len(listing.class_names))
        empty = torch.nonzero(counts == 0).flatten().tolist()
        if empty:
            raise DataError(
                f"{listing.root}: class {listing.class_names[empty[0]]!r} has no readable image in {part}; add some or "
                "remove the class"
            )
