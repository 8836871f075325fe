"""The targets of the detection task, opened by their names in the config."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from tlbench.annotations.instances.carve import carve_boxes, check_objects, counted, uncarved
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.images import THUMBNAIL, BoxFiles, BoxImages, BoxSplit, in_resized, thumbnails_of
from tlbench.annotations.instances.listing import BoxListing
from tlbench.annotations.instances.parts import ReadParts
from tlbench.annotations.instances.reach import own_root
from tlbench.data.decode import Decoding, Fit
from tlbench.data.deep import Ranges
from tlbench.data.facts import ImageFacts
from tlbench.data.inventory import Inventory
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
from tlbench.data.scan import Scan
from tlbench.data.scan_deep import in_range, look
from tlbench.data.target import Target
from tlbench.data.unreadable import check_unreadable
from tlbench.errors import DataError
from tlbench.system.voice import PRINTING, Voice


def open_boxes(
    data: InstanceDataConfig,
    split_seed: int,
    voice: Voice = PRINTING,
    how: Decoding | None = None,
) -> Target[BoxSplit]:
    """Find images with boxes, decide which are train, val and test, and decode them or only look at them.

    Args:
        data: The target's config; `fraction` applies to training images only.
        split_seed: Seed of the splits and of the subset.
        voice: Speaks to the user.
        how: As a run decodes its files; None: as the config says, and the ranges of pixel values are found.

    Raises:
        DataError: No copy, a broken copy, labels at fault, unreadable files, or pixel values whose range cannot be
            found.
    """
    listed = list_boxes(data, split_seed, voice)
    read = _decoded(listed.splits, listed.unreadable, data, voice, how or listed.training)
    splits = read.splits
    inventory = _left_out(listed, read.unreadable)
    carved = [split for split in ("val", "test") if listed.split_rule[f"{split}_fraction"] is not None]
    check_objects(listed.splits["train"].root, splits, carved)  # again: some images may be unreadable
    tell_ranges(read.ranges, origin_of(data, how), read.facts, voice)
    rule = listed.split_rule | counted(splits)
    return Target(
        data.name, splits, rule, read.unreadable, inventory, read.facts, read.ranges, unlabelled=listed.unlabelled
    )


def open_uncarved(data: InstanceDataConfig, how: Decoding, voice: Voice = PRINTING) -> dict[str, BoxSplit]:
    """Every image that a data set has, in the parts that it comes in, without a part that has no readable image.

    Args:
        data: The target's config, not of drawn documents, which have no parts of their own.
        how: As a run decodes its files.
        voice: Speaks to the user.

    Raises:
        DataError: As `open_boxes`, but a part may be without objects and as small as it likes: only if there is no
            object, or no readable image, in any of them.
    """
    read = _read(data, voice)
    parts = {part: read.mended.note(listing) for part, listing in uncarved(read.parts, data).items() if len(listing)}
    decoded = _decoded(parts, read.unreadable, data, voice, how)
    found = {part: images for part, images in decoded.splits.items() if len(images)}
    if not found:
        (name, reason), root = next(iter(decoded.unreadable.items())), read.parts["train"].root
        raise DataError(
            f"{root / name}: {reason}; none of {len(decoded.unreadable)} images can be decoded; replace them"
        )
    tell_ranges(decoded.ranges, origin_of(data, how), decoded.facts, voice)
    return found


@dataclass(frozen=True)
class ListedSplits:
    """The splits before anything is decoded; its fields are as those of `Target`.

    Args:
        training: Lists the training images before `data.fraction` is drawn.
    """

    splits: Mapping[str, BoxListing]
    split_rule: dict[str, Any]
    unreadable: Mapping[str, str]
    training: Callable[[], BoxListing]
    inventory: Inventory | None = None
    unlabelled: frozenset[str] = frozenset()


def list_boxes(data: InstanceDataConfig, split_seed: int, voice: Voice) -> ListedSplits:
    """The files and labels of a data set on disk, nothing decoded; splits that it lacks are carved out.

    Raises:
        DataError: No copy, a broken copy, or labels at fault; files that are not even images, or splits too small.
    """
    read = _read(data, voice)
    splits, rule = carve_boxes(read.parts, data, split_seed, read.named, voice, read.frames)

    def training() -> BoxListing:
        if data.fraction == 1:
            return splits["train"]
        whole = data.model_copy(update={"fraction": 1.0})
        return carve_boxes(read.parts, whole, split_seed, read.named, voice.without_warnings(), read.frames)[0]["train"]

    noted = {split: read.mended.note(part) for split, part in splits.items()}
    return ListedSplits(noted, rule, read.unreadable, training, read.inventory, read.unlabelled)


def _read(data: InstanceDataConfig, voice: Voice) -> ReadParts:
    if data.name == "coco":
        from tlbench.data.formats.coco.reading import read_coco

        return read_coco(own_root(data), data, voice)
    if data.name == "signature":
        from tlbench.data.formats.signature.parts import read_signature

        return read_signature(data, voice)
    from tlbench.data.formats.yolo.files import read_yolo

    root = own_root(data)
    try:
        return read_yolo(root, data, voice)
    except DataError:
        from tlbench.data.formats.other_formats import instead_of_yolo

        if kind := instead_of_yolo(root, data.limits):
            raise DataError(f"{root}: not a YOLO folder but {kind}") from None
        raise


def _left_out(listed: ListedSplits, unreadable: Mapping[str, str]) -> Inventory | None:
    """The inventory, once it is known which images cannot be decoded."""
    if listed.inventory is None:
        return None
    root = os.path.abspath(listed.splits["train"].root)  # noqa: PTH100
    base = os.path.abspath(listed.inventory.root)  # noqa: PTH100
    later = (f"{root}/{name}" for name in unreadable if name not in listed.unreadable)
    return listed.inventory.leaving_out([path.removeprefix(f"{base}/") for path in later], "unreadable")


@dataclass(frozen=True)
class _Decoded:
    """Splits with their images; the other fields are as those of `Target`."""

    splits: dict[str, BoxSplit]
    unreadable: dict[str, str]
    facts: dict[str, ImageFacts]
    ranges: Ranges


def _decoded(
    listings: Mapping[str, BoxListing],
    unreadable: Mapping[str, str],
    data: InstanceDataConfig,
    voice: Voice,
    how: Decoding | Callable[[], BoxListing],
) -> _Decoded:
    """The images of each listing, decoded or only looked at; and all unreadable files.

    Args:
        listings: Of each split.
        unreadable: Those found so far.
        data: The target's config.
        voice: Speaks to the user.
        how: As a run decodes its files; or what lists the training images, of which ranges are found unless they are
            given.

    Raises:
        DataError: There are more unreadable files than `data.max_unreadable`; or ranges are not known and cannot be
            found.
    """
    in_memory = data.keeps_in_memory(sum(map(len, listings.values())), data.image_size)
    as_kept: tuple[int, Fit] = (data.image_size, data.fit) if in_memory else (THUMBNAIL, "corner")
    decoding = how if isinstance(how, Decoding) else decoding_of(data, given_ranges(data))
    looked = {split: look(listing, *as_kept, voice, decoding) for split, listing in listings.items()}
    root = next(iter(listings.values())).root
    if isinstance(how, Decoding):
        for split, listing in listings.items():
            check_ranges(root, listing.names, looked[split].facts, how.ranges)
    else:
        check_given(data, ImageFacts.joined(found.facts for found in looked.values()))
        if data.pixel_range is None and any(found.facts.deep.any() for found in looked.values()):
            train = how()
            facts = {split: found.facts for split, found in looked.items()}
            if len(train) > len(listings["train"]):  # which is a fraction of it
                facts["train"] = look(train, *as_kept, voice.without_warnings(), decoding).facts
            every = {**listings, "train": train}
            names = [name for listing in every.values() for name in listing.names]
            training = np.repeat([split == "train" for split in every], [len(each) for each in every.values()])
            ranges = find_ranges(root, names, ImageFacts.joined(facts.values()), training)
            decoding = replace(decoding, ranges=ranges)
    left_out = dict(unreadable)
    splits, of_splits = {}, {}
    for split, listing in listings.items():
        found = in_range(listing, looked[split], *as_kept, voice, decoding)
        splits[split], of_splits[split] = _images(listing, found, data, in_memory, left_out, decoding)
    check_unreadable(root, left_out, data.max_unreadable)
    return _Decoded(splits, left_out, of_splits, decoding.ranges or {})


def _images(
    listing: BoxListing,
    found: Scan,
    data: InstanceDataConfig,
    in_memory: bool,
    unreadable: dict[str, str],
    how: Decoding,
) -> tuple[BoxSplit, ImageFacts]:
    """The images of a listing; what cannot be decoded is left out, and added to `unreadable`."""
    if found.unreadable:
        unreadable.update({listing.names[i]: why for i, why in found.unreadable.items()})
        kept = np.array([i for i in range(len(listing)) if i not in found.unreadable], np.int64)
        listing, found = listing.take(torch.from_numpy(kept)), found.take(kept)
    inside, boxes, crowds = in_resized(listing, data.image_size)
    split: dict[str, Any] = dict(  # noqa: C408 - the fields of `BoxSplit`
        names=listing.names,
        sizes=listing.sizes,
        inside=inside,
        boxes=boxes,
        labels=listing.labels,
        starts=listing.starts,
        class_names=listing.class_names,
        side=data.image_size,
        digests=found.digests,
        thumbnails=thumbnails_of(found.pixels) if in_memory else found.pixels,
        listing=listing,
        crowds=crowds,
        how=for_fingerprint(how, found.facts),
    )
    images: BoxSplit = BoxImages(**split, images=found.pixels) if in_memory else BoxFiles(**split, fit=data.fit)
    return images, found.facts
