"""The targets of the detection task, opened by their names in the config."""

from __future__ import annotations

from collections.abc import Callable

import torch

from tlbench.config import DetectionDataConfig
from tlbench.data.detection.images import BoxFiles, BoxImages, BoxSplit, in_resized
from tlbench.data.detection.listing import BoxListing
from tlbench.data.image_files import keeps_in_memory, unreadable_text
from tlbench.data.scan import Scan, scan
from tlbench.data.target import Target
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
    listed = _list(data, split_seed, say, warn)
    unreadable = dict(listed.unreadable)
    in_memory = keeps_in_memory(data, sum(map(len, listed.splits.values())), data.image_size)
    splits = {split: _read(listing, data, in_memory, unreadable, say, warn) for split, listing in listed.splits.items()}
    if len(unreadable) > data.max_unreadable:
        raise DataError(unreadable_text(unreadable, data.max_unreadable))
    return Target(data.name, splits, listed.split_rule, unreadable)


def _list(
    data: DetectionDataConfig, split_seed: int, say: Callable[[str], None], warn: Callable[[str], None]
) -> Target[BoxListing]:
    if data.name == "coco":
        from tlbench.data.detection.coco_json import open_coco

        return open_coco(data, split_seed, say, warn)
    if data.name == "signature":
        from tlbench.data.detection.signature import open_signature

        return open_signature(data, split_seed, say, warn)
    from tlbench.data.detection.yolo_files import open_yolo

    return open_yolo(data, split_seed, say, warn)


def _read(
    listing: BoxListing,
    data: DetectionDataConfig,
    in_memory: bool,
    unreadable: dict[str, str],
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> BoxSplit:
    """The images of a listing; what cannot be decoded is left out, and added to `unreadable`."""
    found = scan(listing, data.image_size if in_memory else THUMBNAIL, "corner", say, warn)
    if found.unreadable:
        unreadable.update({str(listing.root / listing.names[i]): why for i, why in found.unreadable.items()})
        kept = torch.tensor([i for i in range(len(listing)) if i not in found.unreadable], dtype=torch.int64)
        listing, found = listing.take(kept), Scan(found.pixels[kept], found.digests[kept.numpy()], {})
    inside, boxes = in_resized(listing, data.image_size)
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
    )
    return BoxImages(**vars(split), images=found.pixels) if in_memory else BoxFiles(**vars(split))


def thumbnails_of(images: torch.Tensor) -> torch.Tensor:
    """(N, 3, S, S) uint8 in small, the audit's view of them."""
    small = [torch.nn.functional.adaptive_avg_pool2d(part.float(), THUMBNAIL) for part in torch.split(images, 64)]
    return torch.cat(small).round().to(torch.uint8) if small else images
