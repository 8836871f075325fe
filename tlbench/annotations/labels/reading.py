"""Listed files with one label each, decoded or only looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.images import FileSet, Images, ImageSet
from tlbench.data.decode import Decoding
from tlbench.data.deep import Ranges
from tlbench.data.facts import ImageFacts
from tlbench.data.listing import Listing
from tlbench.data.pixel_range import (
    check_given,
    check_ranges,
    decoding_of,
    find_ranges,
    for_fingerprint,
    given_ranges,
)
from tlbench.data.scan import Scan
from tlbench.data.scan_deep import in_range, look
from tlbench.data.unreadable import check_unreadable
from tlbench.errors import DataError
from tlbench.system.voice import Voice

THUMBNAIL = 32
"""Side in pixels to which images are decoded for the audit, where they are decoded again in each epoch."""


@dataclass(frozen=True, eq=False)
class ReadImages:
    """Files once they are read.

    Args:
        parts: `train`, and `val` and `test` where the data set has them, without the unreadable files.
        unreadable: Those, with the reason.
        ranges: Which values are black and white where there are more than 8 bits.
        names: Of all N files, the unreadable ones too.
        facts: What these hold.
    """

    parts: dict[str, Images]
    unreadable: dict[str, str]
    ranges: Ranges
    names: tuple[str, ...]
    facts: ImageFacts

    def of(self, splits: Mapping[str, Images]) -> dict[str, ImageFacts]:
        """What the files of splits hold that were carved out of the parts."""
        position = {name: i for i, name in enumerate(self.names)}
        return {
            split: self.facts.take(np.array([position[name] for name in images.names or ()], np.int64))
            for split, images in splits.items()
        }


def read_listings(
    listings: Mapping[str, Listing],
    data: LabelDataConfig,
    voice: Voice,
    how: Decoding | Callable[[Mapping[str, Images]], Collection[str]],
) -> ReadImages:
    """Decode listed files, or only look at them where they are to be decoded in each epoch.

    Args:
        listings: Of each part.
        data: The target's config.
        voice: Speaks to the user.
        how: As a run decodes its files; or what says which files of the parts are trained on, of which ranges are found
            unless they are given.

    Raises:
        DataError: More than `data.max_unreadable` files cannot be decoded, or none of a class can; or ranges are not
            known and cannot be found.
    """
    whole = _joined(listings)
    in_memory = data.keeps_in_memory(len(whole), data.stored_side)
    side = data.stored_side if in_memory else THUMBNAIL
    decoding = how if isinstance(how, Decoding) else decoding_of(data, given_ranges(data))
    found = look(whole, side, data.fit, voice, decoding)
    _checked(whole, found, data)
    if isinstance(how, Decoding):
        check_ranges(whole.root, whole.names, found.facts, how.ranges)
    else:
        check_given(data, found.facts)
        if found.facts.deep.any() and data.pixel_range is None:
            trained_on = set(how(_parts(listings, found, data, decoding, "bare")))
            training = np.array([name in trained_on for name in whole.names])
            ranges = find_ranges(whole.root, whole.names, found.facts, training)
            decoding = replace(decoding, ranges=ranges)
    found = in_range(whole, found, side, data.fit, voice, decoding)
    unreadable = _checked(whole, found, data)
    parts = _parts(listings, found, data, for_fingerprint(decoding, found.facts), "memory" if in_memory else "files")
    return ReadImages(parts, unreadable, decoding.ranges or {}, whole.names, found.facts)


def _joined(listings: Mapping[str, Listing]) -> Listing:
    first = next(iter(listings.values()))
    return Listing(
        first.root,
        tuple(name for listing in listings.values() for name in listing.names),
        torch.cat([listing.labels for listing in listings.values()]),
        first.class_names,
    )


def _checked(whole: Listing, found: Scan, data: LabelDataConfig) -> dict[str, str]:
    """The files that cannot be decoded, with the reason.

    Raises:
        DataError: There are more of them than `data.max_unreadable`.
    """
    unreadable = {whole.names[i]: reason for i, reason in sorted(found.unreadable.items())}
    check_unreadable(whole.root, unreadable, data.max_unreadable)
    return unreadable


def _parts(
    listings: Mapping[str, Listing],
    found: Scan,
    data: LabelDataConfig,
    how: Decoding,
    kept_as: Literal["memory", "files", "bare"],
) -> dict[str, Images]:
    """The readable images of each part; `bare`: without pixels, to see how they are carved.

    Raises:
        DataError: None of a class can be decoded.
    """
    parts: dict[str, Images] = {}
    start = 0
    for part, listing in listings.items():
        kept = np.array([i for i in range(len(listing)) if start + i not in found.unreadable], np.int64)
        rows = slice(start, start + len(listing))
        pixels, digests = found.pixels[rows], found.digests[rows]
        start += len(listing)
        if len(kept) < len(listing):
            listing, digests = listing.take(torch.from_numpy(kept)), digests[kept]
            pixels = pixels if kept_as == "bare" else pixels[torch.from_numpy(kept)]
        _check_classes(listing, part)
        if kept_as == "memory":
            parts[part] = ImageSet(pixels, listing.labels, listing.class_names, listing.names)
        else:
            thumbnails = torch.empty(len(listing), 0) if kept_as == "bare" else pixels
            parts[part] = FileSet(listing, data.stored_side, data.fit, thumbnails, digests, how)
    return parts


def _check_classes(listing: Listing, part: str) -> None:
    counts = torch.bincount(listing.labels, minlength=len(listing.class_names))
    empty = torch.nonzero(counts == 0).flatten().tolist()
    if empty:
        name = listing.class_names[empty[0]]
        raise DataError(f"{listing.root}: class {name!r} has no readable image in {part}; add some or remove the class")
