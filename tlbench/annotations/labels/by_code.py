"""Images with one label each, as code of the user's own gives them."""

from __future__ import annotations

import torch

from tlbench.annotations.labels.carve import carve_by_label
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.labels import Labels
from tlbench.annotations.labels.target import open_listed
from tlbench.data.by_code import NAMED, ROOT, as_number, class_numbers_of, given_data
from tlbench.data.decode import Decoding
from tlbench.data.listing import Listed, Listing
from tlbench.data.samples import MemorySamples
from tlbench.data.target import Target
from tlbench.errors import DataError
from tlbench.system.voice import Voice


def open_by_code(data: LabelDataConfig, split_seed: int, voice: Voice, how: Decoding | None = None) -> Target[Labels]:
    """Images in memory, or files, which are read as those of a folder are; splits that are missing are carved.

    Args:
        data: The target's config.
        split_seed: As in `open_target`.
        voice: Likewise.
        how: Likewise.

    Raises:
        ConfigError, DataError: As `given_data`; a label is at fault; or as for files in folders.
    """
    given = given_data(data)
    numbers = class_numbers_of(
        given, [label for part in given.parts.values() for label in part.annotations], data.limits.max_classes
    )
    names = tuple(numbers)
    if len(names) < 2:
        raise DataError(f"{given.where}: only {names[0]!r} in it; wanted are two classes or more")
    labels = {}
    for split, part in given.parts.items():
        where = f"{given.where}: {split}"
        found = [as_number(f"{where}[{i}]", label, numbers) for i, label in enumerate(part.annotations)]
        labels[split] = Labels(torch.tensor(found), names)
    if given.by_path:
        listings = {
            split: Listing(ROOT, tuple(path.lstrip("/") for path in part.paths or ()), labels[split])
            for split, part in given.parts.items()
        }
        if data.classes is not None:
            listings = {split: listing.chosen(data.classes) for split, listing in listings.items()}
        return open_listed(Listed(listings, named=NAMED), data, split_seed, voice, how)
    samples = {}
    for split, part in given.parts.items():
        assert part.pixels is not None
        samples[split] = MemorySamples(part.pixels, labels[split])
    splits, rule = carve_by_label(samples, data, split_seed, NAMED)
    return Target(data.name, splits, rule)
