"""Listed files become splits: decoded into memory, or looked at where they are to be decoded in each epoch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.config import DataConfig
from tlbench.config.data import Fit
from tlbench.config.size import Size
from tlbench.data.decode import Decoding
from tlbench.data.deep import Ranges
from tlbench.data.facts import ImageFacts
from tlbench.data.inventory import Inventory
from tlbench.data.listing import A, Listed, Listing, joined
from tlbench.data.pixel_range import (
    check_given,
    check_ranges,
    decoding_of,
    find_ranges,
    for_fingerprint,
    given_ranges,
    origin_of,
    tell_ranges,
)
from tlbench.data.samples import FileSamples, MemorySamples, Samples
from tlbench.data.scan import Scan
from tlbench.data.scan_deep import in_range, look
from tlbench.data.target import Target
from tlbench.data.thumbnails import thumbnails_of
from tlbench.data.unreadable import check_unreadable
from tlbench.errors import DataError
from tlbench.geometry.fits import at_least, small_size
from tlbench.system.voice import Voice

Training = Callable[[Mapping[str, Listing[A]]], Listing[A]]
"""Says which files are trained on, of the readable ones of each part, before `data.fraction` is drawn."""


@dataclass(frozen=True, eq=False)
class ReadFiles(Generic[A]):
    """Listed files once they are read.

    Args:
        parts: The listings' images, without the unreadable files.
        unreadable: Those, with the reason.
        ranges: Which values are black and white where there are more than 8 bits.
        names: Of all N files, the unreadable ones too.
        facts: What these hold.
    """

    parts: dict[str, Samples[A]]
    unreadable: dict[str, str]
    ranges: Ranges
    names: Sequence[str]
    facts: ImageFacts

    def facts_of(self, splits: Mapping[str, Samples[A]]) -> dict[str, ImageFacts]:
        """What the files of splits hold, which are the parts or are carved out of them."""
        position = {name: i for i, name in enumerate(self.names)}
        return {
            split: self.facts.take(np.array([position[name] for name in samples.names or ()], np.int64))
            for split, samples in splits.items()
        }


def read_files(
    listings: Mapping[str, Listing[A]],
    data: DataConfig,
    voice: Voice,
    how: Decoding | Training[A],
    *,
    unreadable: Mapping[str, str] | None = None,
    together: bool = False,
) -> ReadFiles[A]:
    """Decode listed files, or only look at them where they are to be decoded in each epoch.

    Args:
        listings: Of each part or split.
        data: The target's config.
        voice: Speaks to the user.
        how: As a run decodes its files; or what says which are trained on, of which ranges are found unless they are
            given.
        unreadable: Files that were left out before, with the reason.
        together: Whether the parts are one entry of the cache. Splits are entries of their own, so that a smaller
            `data.fraction` decodes nothing of val and test anew.

    Raises:
        DataError: More files are unreadable than `data.max_unreadable`; or ranges are not known and cannot be found.
    """
    groups = {"all": joined(listings.values())} if together else dict(listings)
    root = next(iter(groups.values())).root
    sizes = {group: _stored_size(listing, data) for group, listing in groups.items()}
    in_memory = data.keeps_in_memory((len(listing), sizes[group]) for group, listing in groups.items())

    def as_kept(listing: Listing[A]) -> tuple[Size, Fit]:
        size, kind = _stored_size(listing, data), listing.annotations
        if in_memory:
            return size, data.fit
        return small_size(size, kind.thumbnail), kind.thumbnail_fit or data.fit

    decoding = how if isinstance(how, Decoding) else decoding_of(data, given_ranges(data))

    scans = {group: look(listing, *as_kept(listing), voice, decoding) for group, listing in groups.items()}
    left_out = {**(unreadable or {}), **_unreadable(groups, scans)}
    check_unreadable(root, left_out, data.max_unreadable)
    if isinstance(how, Decoding):
        for group, listing in groups.items():
            check_ranges(root, listing.names, scans[group].facts, how.ranges)
    else:
        check_given(data, ImageFacts.joined(scan.facts for scan in scans.values()))
        if data.pixel_range is None and any(scan.facts.deep.any() for scan in scans.values()):
            readable = {part: _taken(groups[group], rows) for part, group, rows in _readable(listings, scans)}
            decoding = replace(
                decoding,
                ranges=_found_ranges(
                    groups,
                    scans,
                    how(readable),
                    lambda listing: look(listing, *as_kept(listing), voice.without_warnings(), decoding),
                ),
            )

    scans = {
        group: in_range(groups[group], scan, *as_kept(groups[group]), voice, decoding) for group, scan in scans.items()
    }
    left_out |= _unreadable(groups, scans)
    check_unreadable(root, left_out, data.max_unreadable)
    facts = {group: scan.facts for group, scan in scans.items()}
    parts = {}
    for part, group, rows in _readable(listings, scans):
        as_read = for_fingerprint(decoding, facts[group])
        listing = _taken(groups[group], rows)
        parts[part] = _samples(listing, scans[group], rows, sizes[group], data.fit, in_memory, as_read)
    names = [name for listing in groups.values() for name in listing.names]
    return ReadFiles(parts, left_out, decoding.ranges or {}, names, ImageFacts.joined(facts.values()))


def target_of(
    listed: Listed[A],
    read: ReadFiles[A],
    splits: Mapping[str, Samples[A]],
    rule: Mapping[str, Any],
    data: DataConfig,
    voice: Voice,
    how: Decoding | None,
) -> Target[A]:
    """The splits that were carved as a target; says which values of more than 8 bits become black and white.

    Args:
        listed: What was listed.
        read: What came of it.
        splits: `train`, `val` and `test`, of images of `read`.
        rule: How they came about.
        data: The target's config.
        voice: Speaks to the user.
        how: As a run decodes its files; None: as `read` found.
    """
    facts = read.facts_of(splits)
    tell_ranges(read.ranges, origin_of(data, how), facts, voice)
    return Target(
        data.name,
        splits,
        rule,
        read.unreadable,
        _inventory(listed, read.unreadable),
        facts,
        read.ranges,
        unlabelled=listed.unlabelled,
    )


def all_of(
    listed: Listed[A],
    read: ReadFiles[A],
    facts: Mapping[str, ImageFacts],
    data: DataConfig,
    how: Decoding,
    voice: Voice,
) -> tuple[Samples[A], ...]:
    """Every image of the wanted classes that a data set has, in the parts that it comes in; none of an empty part.

    Args:
        listed: What was listed.
        read: What came of it.
        facts: What its files hold, by what they are called where values of more than 8 bits are told of.
        data: The target's config.
        how: As a run decodes its files.
        voice: Speaks to the user.

    Raises:
        DataError: No image can be decoded; a class does not exist.
    """
    found = [samples for samples in read.parts.values() if len(samples)]
    if not found:
        name, reason = next(iter(read.unreadable.items()))
        raise DataError(
            f"{listed.root / name}: {reason}; none of {len(read.unreadable)} images can be decoded; replace them"
        )
    tell_ranges(read.ranges, origin_of(data, how), facts, voice)
    return tuple(samples if data.classes is None else samples.chosen(data.classes) for samples in found)


def _stored_size(listing: Listing[A], data: DataConfig) -> Size:
    """Height and width of a listing's images once they are stored: where they keep their own, those that hold all."""
    if data.fit != "native" or not len(listing):
        return data.storage_size
    height, width = listing.annotations.own_sizes.amax(0).tolist()
    return at_least(data.storage_size, (height, width))


def _unreadable(groups: Mapping[str, Listing[A]], scans: Mapping[str, Scan]) -> dict[str, str]:
    return {
        listing.names[i]: reason
        for group, listing in groups.items()
        for i, reason in sorted(scans[group].unreadable.items())
    }


def _readable(
    listings: Mapping[str, Listing[A]], scans: Mapping[str, Scan]
) -> Iterator[tuple[str, str, NDArray[np.int64]]]:
    """Each part, the group that it is in, and the rows of its readable files in there."""
    start = 0
    for part, listing in listings.items():
        group, first = (part, 0) if part in scans else ("all", start)
        start += len(listing)
        there = scans[group].unreadable
        yield part, group, np.array([i for i in range(first, first + len(listing)) if i not in there], np.int64)


def _taken(listing: Listing[A], rows: NDArray[np.int64]) -> Listing[A]:
    """The readable files; what was mended in the others was told of before anything was decoded, and stays counted."""
    if len(rows) == len(listing):
        return listing
    return replace(listing.take(torch.from_numpy(rows)), mended=listing.mended)


def _found_ranges(
    groups: Mapping[str, Listing[A]],
    scans: Mapping[str, Scan],
    training: Listing[A],
    look_at: Callable[[Listing[A]], Scan],
) -> Ranges:
    names = [name for listing in groups.values() for name in listing.names]
    facts = ImageFacts.joined(scan.facts for scan in scans.values())
    trained_on = set(training.names)
    if not trained_on <= set(names):  # of which a fraction is read
        others = np.array([i for i, name in enumerate(names) if name not in trained_on], np.int64)
        names = [*(names[i] for i in others), *training.names]
        facts = ImageFacts.joined([facts.take(others), look_at(training).facts])
    return find_ranges(training.root, names, facts, np.array([name in trained_on for name in names]))


def _samples(
    listing: Listing[A], scan: Scan, rows: NDArray[np.int64], size: Size, fit: Fit, in_memory: bool, how: Decoding
) -> Samples[A]:
    """The images of a listing, which are these rows of a scan."""
    pixels, digests = _some(scan.pixels, rows), scan.digests[rows]
    annotations = listing.annotations if fit == "native" else listing.annotations.resized(size)
    if not in_memory:
        return FileSamples(listing, annotations, size, fit, pixels, digests, how)
    if not annotations.by_file:
        return MemorySamples(pixels, annotations, listing.names)
    small = thumbnails_of(pixels, annotations.thumbnail, annotations.own_sizes if fit == "native" else None)
    return MemorySamples(pixels, annotations, listing.names, digests, small, listing, how)


def _some(pixels: Tensor, rows: NDArray[np.int64]) -> Tensor:
    """These rows, ascending; without a copy, which would be in memory, where they follow one another."""
    together = len(rows) > 0 and rows[-1] - rows[0] + 1 == len(rows)
    return pixels[rows[0] : rows[-1] + 1] if together else pixels[torch.from_numpy(rows)]


def _inventory(listed: Listed[A], unreadable: Mapping[str, str]) -> Inventory | None:
    """The inventory, once it is known which images cannot be decoded."""
    inventory = listed.inventory
    if inventory is None:
        return None
    there = {name for names in inventory.read.values() for name in names}
    later = []
    for name in unreadable:
        if name not in listed.unreadable:
            path = os.path.abspath(listed.root / name)  # noqa: PTH100
            below = os.path.relpath(path, inventory.root).replace(os.sep, "/")
            later.append(path if path in there else below)  # some inventories name what lies elsewhere by whole paths
    return inventory.leaving_out(later, "unreadable")
