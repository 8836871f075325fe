"""The audit of images with boxes: what is in each split, what was mended, and copies and frames on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.annotations.instances.audit_texts import TINY, warnings_of
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.frame_blocks import label_rows
from tlbench.annotations.instances.images import BoxFiles, BoxSplit
from tlbench.annotations.instances.label_leak import label_leak
from tlbench.annotations.instances.listing import BoxListing
from tlbench.data.audit import (
    EXAMPLES,
    VERSION,
    Audit,
    SplitScan,
    duplicates_part,
    pairs_of,
    unreadable_part,
)
from tlbench.data.audit_cache import cached
from tlbench.data.near_duplicates import SMALLEST_SIDE, exact_copies
from tlbench.data.perceptual_hash import Looks, looks_of
from tlbench.data.target import Target
from tlbench.system.names import printable

BOX_VERSION = 1
"""Raise it when the same images with boxes would be audited to another result; `VERSION` counts as well."""

_WHOLE = (0, 0, 1_000_000, 1_000_000)  # a box around the whole image, which says nothing about where it comes from


def audit_boxes(target: Target[BoxSplit], data: InstanceDataConfig, *, test: bool) -> Audit:
    """Audit what a run uses of a target, once for all runs that use the same.

    The section has these parts, of JSON types:

    - `counts`: split → `images`, `background` (images without objects), `objects` (class → how many), `tiny` (images
      whose objects are all `TINY`);
    - `small_classes`: class → training images that contain it, where these are fewer than `data.min_images_per_class`;
    - `unreadable` and `duplicates`: as in `tlbench.data.audit.Audit`, with `other_boxes` for `other_label`: copies
      whose label rows differ (class, or box by more than 1e-6 of the image's size);
    - `mended`: what was found in the labels → its `count`, and the first of the `places`;
    - `label_leak`: `train-test` → how many test `images`, exact copies apart, have all their label rows in one training
      image, `examples` as pairs of names; how many of the label `rows` of test (`of`) stand in train at all. A
      box around the whole image is no such row.

    Args:
        target: The opened target.
        data: Its config.
        test: Whether the run reads the test split.
    """
    splits = {split: target.splits[split] for split in (("train", "val", "test") if test else ("train", "val"))}
    unreadable = {printable(name): reason for name, reason in target.unreadable.items()}
    mended = _mended(splits)
    depends_on = [
        ["boxes", VERSION, BOX_VERSION],
        {split: [images.fingerprint(), images.names] for split, images in splits.items()},
        [isinstance(splits["train"], BoxFiles), data.fit],  # thumbnails of other roundings
        [data.name, data.split, data.min_images_per_class],
        unreadable,
        mended,
    ]

    def compute() -> Audit:
        section = {
            "counts": {split: _counts(images) for split, images in splits.items()},
            "small_classes": _small_classes(splits["train"], data.min_images_per_class),
            "unreadable": unreadable_part(unreadable),
            "mended": mended,
            **_compared(splits),
        }
        return Audit(section=section, warnings=warnings_of(section, data))

    return cached(depends_on, compute)


def looks_inside(images: BoxSplit) -> Looks | None:
    """What the images look like without the grey beside them; None where one is too narrow in its thumbnail.

    Grey that all images share would make them alike.
    """
    thumbnails = images.thumbnails
    inside = (images.inside * thumbnails.shape[-1] // images.side).clamp(min=1)  # the grey is in the pixel after
    if int(inside.min()) < SMALLEST_SIDE:
        return None
    sizes, which = torch.unique(inside, dim=0, return_inverse=True)
    hashes: NDArray[np.uint64] = np.zeros(len(images), np.uint64)
    small: list[tuple[NDArray[np.int64], NDArray[np.uint8]]] = []
    for number, (height, width) in enumerate(sizes.tolist()):
        rows = torch.nonzero(which == number).flatten()
        found = looks_of(thumbnails[rows, :, :height, :width])
        hashes[rows.numpy()] = found.hashes
        small.append((rows.numpy(), found.thumbnails))
    grey = np.zeros((len(images), *small[0][1].shape[1:]), np.uint8)
    for positions, found_grey in small:
        grey[positions] = found_grey
    return Looks(hashes, grey)


def _counts(images: BoxSplit) -> dict[str, Any]:
    owner, objects = _owners(images), images.starts.diff()
    large = (images.boxes[:, 2:] - images.boxes[:, :2] >= TINY).any(dim=1)
    with_large = torch.bincount(owner[large], minlength=len(images)) > 0
    of_class = torch.bincount(images.labels, minlength=len(images.class_names)).tolist()
    return {
        "images": len(images),
        "background": int((objects == 0).sum()),
        "objects": dict(zip(images.class_names, of_class, strict=True)),
        "tiny": int(((objects > 0) & ~with_large).sum()),
    }


def _small_classes(train: BoxSplit, wanted: int) -> dict[str, int]:
    classes = len(train.class_names)
    present = torch.unique(_owners(train) * classes + train.labels) % classes  # one for each image and class in it
    counts = torch.bincount(present, minlength=classes).tolist()
    return {name: count for name, count in zip(train.class_names, counts, strict=True) if count < wanted}


def _owners(images: BoxSplit) -> Tensor:
    """(M,): the image that each object lies in."""
    return torch.repeat_interleave(torch.arange(len(images)), images.starts.diff())


def _mended(splits: Mapping[str, BoxSplit]) -> dict[str, Any]:
    places: dict[str, dict[str, None]] = {}
    for images in splits.values():
        for what, where in (images.listing.mended if images.listing else {}).items():
            places.setdefault(what, {}).update(dict.fromkeys(map(printable, where)))
    return {what: {"count": len(found), "places": list(found)[:EXAMPLES]} for what, found in places.items()}


def _compared(splits: Mapping[str, BoxSplit]) -> dict[str, Any]:
    """`duplicates` and `label_leak`."""
    listings = {split: _listing(images) for split, images in splits.items()}
    rows = {split: label_rows(listing) for split, listing in listings.items()}
    numbers: dict[frozenset[tuple[int, ...]], int] = {}
    scans = {}
    for split, images in splits.items():
        same = [numbers.setdefault(found, len(numbers)) for found in rows[split]]
        names = tuple(map(printable, images.names))
        scans[split] = SplitScan(names, np.array(same, np.int64), images.digests, looks_inside(images))
    leak = {}
    for one, other in pairs_of(splits):
        copies = exact_copies(splits[one].digests, splits[other].digests)
        # what has copies, or says nothing by its labels
        left_out = {
            name
            for name, copy, found in zip(splits[other].names, copies.tolist(), rows[other], strict=True)
            if copy >= 0 or all(row[1:] == _WHOLE for row in found)
        }
        pairs = [pair for pair in label_leak(listings[one], listings[other]) if pair[0] not in left_out]
        known = frozenset().union(*rows[one])
        told = [row for found in rows[other] for row in found if row[1:] != _WHOLE]
        leak[f"{one}-{other}"] = {
            "images": len(pairs),
            "examples": [[printable(first), printable(second)] for second, first in pairs[:EXAMPLES]],
            "rows": sum(row in known for row in told),
            "of": len(told),
        }
    return {"duplicates": duplicates_part(scans, "other_boxes"), "label_leak": leak}


def _listing(images: BoxSplit) -> BoxListing:
    """The labels as they were read; of drawn images, as they are."""
    if images.listing is not None:
        return images.listing
    return BoxListing(
        root=Path(),
        names=images.names,
        sizes=images.inside,
        boxes=images.boxes,
        labels=images.labels,
        starts=images.starts,
        class_names=images.class_names,
    )
