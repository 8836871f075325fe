"""A user's own images: a folder per class, or a CSV file of paths and labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch

from tlbench.config import DataConfig, ImageDataConfig
from tlbench.data.carve import carve
from tlbench.data.class_folders import list_splits
from tlbench.data.csv_listing import list_csv
from tlbench.data.images import FileSet, Images, ImageSet
from tlbench.data.listing import Listed, Listing
from tlbench.data.scan import Scan, scan
from tlbench.data.target import Target, own_root
from tlbench.data.unreadable import check_unreadable
from tlbench.errors import DataError

THUMBNAIL = 32
"""Side in pixels to which images are decoded for the audit, where they are decoded again in each epoch."""


def open_image_files(
    data: ImageDataConfig, split_seed: int, say: Callable[[str], None], warn: Callable[[str], None]
) -> Target[Images]:
    """Images in folders or listed in a CSV file; splits that they lack are carved out of train.

    Raises:
        DataError: The files cannot be used; more than `data.max_unreadable` of them cannot be decoded.
    """
    root = own_root(data)
    listed = list_files(root, data, say, warn)
    parts, unreadable = read_listings(listed.parts, data, say, warn)
    splits, rule = carve(parts, data, split_seed, "the folder's" if data.name == "image_folder" else "the file's")
    inventory = listed.inventory.leaving_out(_names_there(listed, unreadable), "unreadable")
    return Target(data.name, splits, rule, unreadable, inventory)


def list_files(root: Path, data: ImageDataConfig, say: Callable[[str], None], warn: Callable[[str], None]) -> Listed:
    """The listing of each split that the folder or CSV file has, of the classes of `data.classes` alone.

    Raises:
        DataError: As `list_splits` and `list_csv`.
    """
    list_them = list_splits if data.name == "image_folder" else list_csv
    return list_them(root, data.limits, data.classes, say, warn)


def read_listings(
    listings: Mapping[str, Listing], data: ImageDataConfig, say: Callable[[str], None], warn: Callable[[str], None]
) -> tuple[dict[str, Images], dict[str, str]]:
    """Decode listed files, or only look at them where they are to be decoded in each epoch.

    Returns:
        The images of each part without the unreadable files; and those, with the reason.

    Raises:
        DataError: More than `data.max_unreadable` files cannot be decoded, or none of a class can.
    """
    whole = _joined(listings)
    in_memory = keeps_in_memory(data, len(whole), data.stored_side)
    side = data.stored_side if in_memory else THUMBNAIL
    found = scan(whole, side, data.fit, say, warn, data.limits.image)
    unreadable = {whole.names[i]: reason for i, reason in sorted(found.unreadable.items())}
    check_unreadable(whole.root, unreadable, data.max_unreadable)
    parts: dict[str, Images] = {}
    start = 0
    for part, listing in listings.items():
        kept = torch.tensor([i for i in range(len(listing)) if start + i not in found.unreadable])
        parts[part] = _images(listing, kept, found, start, data, in_memory, part)
        start += len(listing)
    return parts, unreadable


def keeps_in_memory(data: DataConfig, count: int, side: int) -> bool:
    """Whether so many images, squares of so many pixels a side, are decoded once and kept on the device."""
    if data.cache == "auto":
        return count * 3 * side**2 <= data.memory_budget_mb * 2**20
    return data.cache == "memory"


def _names_there(listed: Listed, names: Iterable[str]) -> list[str]:
    """The names that the inventory has for files of the listings, whose root may be another."""
    root = listed.parts["train"].root
    return [os.path.relpath(root / name, listed.inventory.root).replace(os.sep, "/") for name in names]


def _joined(listings: Mapping[str, Listing]) -> Listing:
    first = next(iter(listings.values()))
    return Listing(
        first.root,
        tuple(name for listing in listings.values() for name in listing.names),
        torch.cat([listing.labels for listing in listings.values()]),
        first.class_names,
    )


def _images(
    listing: Listing, kept: torch.Tensor, found: Scan, start: int, data: ImageDataConfig, in_memory: bool, part: str
) -> Images:
    whole = len(kept) == len(listing)
    pixels, digests = found.pixels[start : start + len(listing)], found.digests[start : start + len(listing)]
    listing = listing if whole else listing.take(kept)
    if not whole:
        pixels, digests = pixels[kept], digests[kept.numpy()]
    empty = torch.nonzero(torch.bincount(listing.labels, minlength=len(listing.class_names)) == 0).flatten().tolist()
    if empty:
        name = listing.class_names[empty[0]]
        raise DataError(f"{listing.root}: class {name!r} has no readable image in {part}; add some or remove the class")
    if in_memory:
        return ImageSet(pixels, listing.labels, listing.class_names, listing.names)
    return FileSet(listing, data.stored_side, data.fit, pixels, digests, data.limits.image)
