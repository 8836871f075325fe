"""Listed files with one label each become images, of which each class has some."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from tlbench.annotations.labels.carve import carve_by_label
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.labels import Labels
from tlbench.data.decode import Decoding
from tlbench.data.listing import Listed, Listing
from tlbench.data.reading import ReadFiles, read_files
from tlbench.errors import DataError
from tlbench.system.voice import Voice


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
        return carve_by_label(parts, data.untrimmed(), split_seed, listed.named)[0]["train"]

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
