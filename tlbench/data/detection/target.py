"""The targets of the detection task, opened by their names in the config."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from tlbench.config import DetectionDataConfig
from tlbench.data.detection.carve import carve_boxes, check_objects, counted, uncarved
from tlbench.data.detection.images import BoxFiles, BoxImages, BoxSplit, in_resized
from tlbench.data.detection.listing import BoxListing
from tlbench.data.detection.parts import ReadParts
from tlbench.data.detection.root import detection_root
from tlbench.data.image_files import keeps_in_memory
from tlbench.data.inventory import Inventory
from tlbench.data.scan import Scan, scan
from tlbench.data.target import Target
from tlbench.data.unreadable import check_unreadable
from tlbench.errors import DataError

THUMBNAIL = 64
"""Side in pixels to which images are brought for the audit."""


def open_boxes(
    data: DetectionDataConfig,
    split_seed: int,
    say: Callable[[str], None] = print,
    warn: Callable[[str], None] = print,
) -> Target[BoxSplit]:
    """Find images with boxes, decide which are train, val and test, and decode them or only look at them.

    Args:
        data: The target's config; `fraction` applies to training images only.
        split_seed: Seed of the splits and of the subset.
        say: Shows the user a line.
        warn: Shows the user a warning.

    Raises:
        DataError: No copy, a broken copy, labels at fault, or unreadable files.
    """
    if data.name == "documents":
        from tlbench.data.documents.target import open_documents

        return open_documents(data, split_seed, say, warn)
    listed = list_boxes(data, split_seed, say, warn)
    splits, unreadable = _decoded(listed.splits, listed.unreadable, data, say, warn)
    inventory = _left_out(listed, unreadable)
    carved = [split for split in ("val", "test") if listed.split_rule[f"{split}_fraction"] is not None]
    check_objects(listed.splits["train"].root, splits, carved)  # again: some images may be unreadable
    return Target(
        data.name, splits, listed.split_rule | counted(splits), unreadable, inventory, unlabelled=listed.unlabelled
    )


def open_uncarved(
    data: DetectionDataConfig, say: Callable[[str], None] = print, warn: Callable[[str], None] = print
) -> dict[str, BoxSplit]:
    """Every image that a data set has, in the parts that it comes in, without a part that has no readable image.

    Args:
        data: The target's config, not of drawn documents, which have no parts of their own.
        say: Shows the user a line.
        warn: Shows the user a warning.

    Raises:
        DataError: As `open_boxes`, but a part may be without objects and as small as it likes: only if there is no
            object, or no readable image, in any of them.
    """
    read = _read(data, say, warn)
    parts = {part: read.mended.note(listing) for part, listing in uncarved(read.parts, data).items() if len(listing)}
    decoded, unreadable = _decoded(parts, read.unreadable, data, say, warn)
    found = {part: images for part, images in decoded.items() if len(images)}
    if not found:
        (name, reason), root = next(iter(unreadable.items())), read.parts["train"].root
        raise DataError(f"{root / name}: {reason}; none of {len(unreadable)} images can be decoded; replace them")
    return found


@dataclass(frozen=True)
class ListedSplits:
    """The splits before anything is decoded; its fields are as those of `Target`."""

    splits: Mapping[str, BoxListing]
    split_rule: dict[str, Any]
    unreadable: Mapping[str, str]
    inventory: Inventory | None = None
    unlabelled: frozenset[str] = frozenset()


def list_boxes(
    data: DetectionDataConfig, split_seed: int, say: Callable[[str], None], warn: Callable[[str], None]
) -> ListedSplits:
    """The files and labels of a data set on disk, nothing decoded; splits that it lacks are carved out.

    Raises:
        DataError: No copy, a broken copy, or labels at fault; files that are not even images, or splits too small.
    """
    read = _read(data, say, warn)
    splits, rule = carve_boxes(read.parts, data, split_seed, read.named, warn, read.frames)
    noted = {split: read.mended.note(part) for split, part in splits.items()}
    return ListedSplits(noted, rule, read.unreadable, read.inventory, read.unlabelled)


def _read(data: DetectionDataConfig, say: Callable[[str], None], warn: Callable[[str], None]) -> ReadParts:
    if data.name == "coco":
        from tlbench.data.detection.coco_json import read_coco

        return read_coco(data, say, warn)
    if data.name == "signature":
        from tlbench.data.detection.signature import read_signature

        return read_signature(data, say, warn)
    from tlbench.data.detection.yolo_files import read_yolo

    return read_yolo(detection_root(data), data, say, warn)


def _left_out(listed: ListedSplits, unreadable: Mapping[str, str]) -> Inventory | None:
    """The inventory, once it is known which images cannot be decoded."""
    if listed.inventory is None:
        return None
    root = os.path.abspath(listed.splits["train"].root)  # noqa: PTH100
    base = os.path.abspath(listed.inventory.root)  # noqa: PTH100
    later = (f"{root}/{name}" for name in unreadable if name not in listed.unreadable)
    return listed.inventory.leaving_out([path.removeprefix(f"{base}/") for path in later], "unreadable")


def _decoded(
    listings: Mapping[str, BoxListing],
    unreadable: Mapping[str, str],
    data: DetectionDataConfig,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> tuple[dict[str, BoxSplit], dict[str, str]]:
    """The images of each listing, decoded or only looked at; and all unreadable files.

    Raises:
        DataError: There are more of those than `data.max_unreadable`.
    """
    left_out = dict(unreadable)
    in_memory = keeps_in_memory(data, sum(map(len, listings.values())), data.image_size)
    splits = {split: _images(listing, data, in_memory, left_out, say, warn) for split, listing in listings.items()}
    root = next(iter(listings.values())).root
    check_unreadable(root, left_out, data.max_unreadable)
    return splits, left_out


def _images(
    listing: BoxListing,
    data: DetectionDataConfig,
    in_memory: bool,
    unreadable: dict[str, str],
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> BoxSplit:
    """The images of a listing; what cannot be decoded is left out, and added to `unreadable`."""
    found = _scanned(listing, data, in_memory, say, warn)
    if found.unreadable:
        unreadable.update({listing.names[i]: why for i, why in found.unreadable.items()})
        kept = torch.tensor([i for i in range(len(listing)) if i not in found.unreadable], dtype=torch.int64)
        listing, found = listing.take(kept), Scan(found.pixels[kept], found.digests[kept.numpy()], {})
    inside, boxes, crowds = in_resized(listing, data.image_size)
    split = BoxSplit(
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
    )
    if in_memory:
        return BoxImages(**vars(split), images=found.pixels)
    return BoxFiles(**vars(split), fit=data.fit, limit=data.limits.image)


def _scanned(
    listing: BoxListing,
    data: DetectionDataConfig,
    in_memory: bool,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> Scan:
    """The images as they are kept, or in small."""
    if in_memory:
        return scan(listing, data.image_size, data.fit, say, warn, data.limits.image)
    return scan(listing, THUMBNAIL, "corner", say, warn, data.limits.image)


def thumbnails_of(images: torch.Tensor) -> torch.Tensor:
    """(N, 3, S, S) uint8 in small, the audit's view of them."""
    small = [torch.nn.functional.adaptive_avg_pool2d(part.float(), THUMBNAIL) for part in torch.split(images, 64)]
    return torch.cat(small).round().to(torch.uint8) if small else images
