"""A user's own images: a folder per class, or a CSV file of paths and labels."""

from __future__ import annotations

from tlbench.annotations.labels.carve import carve_by_label
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.labels import Labels
from tlbench.annotations.labels.reach import own_root
from tlbench.annotations.labels.reading import read_labels
from tlbench.data.decode import Decoding
from tlbench.data.formats.csv.listing import list_csv
from tlbench.data.formats.folders.class_folders import list_splits
from tlbench.data.listing import Listed
from tlbench.data.pixel_range import ALL
from tlbench.data.reading import all_of, target_of
from tlbench.data.samples import Samples
from tlbench.data.target import Target
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
    return open_listed(list_files(data, voice), data, split_seed, voice, how)


def open_listed(
    listed: Listed[Labels], data: LabelDataConfig, split_seed: int, voice: Voice, how: Decoding | None
) -> Target[Labels]:
    """The same, of files that are listed already.

    Raises:
        DataError: As `open_image_files`.
    """
    read = read_labels(listed, data, split_seed, voice, how)
    splits, rule = carve_by_label(read.parts, data, split_seed, listed.named)
    return target_of(listed, read, splits, rule, data, voice, how)


def open_all_files(data: LabelDataConfig, how: Decoding, voice: Voice) -> tuple[Samples[Labels], ...]:
    """Every image, nothing carved out, as `all_of`.

    Raises:
        DataError: Also if no image of a class can be decoded in one of the parts.
    """
    listed = list_files(data, voice)
    read = read_labels(listed, data, 0, voice, how)
    return all_of(listed, read, {ALL: read.facts}, data, how, voice)


def list_files(data: LabelDataConfig, voice: Voice) -> Listed[Labels]:
    """The listing of each split that the folder or CSV file has, of the classes of `data.classes` alone.

    Raises:
        DataError: As `list_splits` and `list_csv`.
    """
    if data.name == "image_folder":
        return list_splits(own_root(data), data.limits, data.classes, voice)
    return list_csv(own_root(data), data.limits, data.classes, voice)
