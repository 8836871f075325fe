"""The audit of images with boxes: what is in each split, what was mended, and copies and frames on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from tlbench.annotations.instances.audit_texts import TINY, warnings_of
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.label_rows import label_leak, label_rows
from tlbench.data.audit import EXAMPLES, AuditPart, digests_of, pairs_of
from tlbench.data.listing import Listing
from tlbench.data.looks_inside import looks_inside
from tlbench.data.near_duplicates import exact_copies
from tlbench.data.perceptual_hash import Looks
from tlbench.data.samples import Samples
from tlbench.system.names import printable

BOX_VERSION = 1
"""Raise it when the same images with boxes would be audited to another result; `VERSION` counts as well."""

_WHOLE = (0, 0, 1_000_000, 1_000_000)  # a box around the whole image, which says nothing about where it comes from


class InstanceAudit(AuditPart[Instances]):
    """Objects, background, and what their labels give away. The section has these parts of its own, of JSON types:

    - `counts`: split → `images`, `background` (images without objects), `objects` (class → how many), `tiny` (images
      whose objects are all `TINY`);
    - `small_classes`: class → training images that contain it, where these are fewer than `data.min_images_per_class`;
    - `duplicates`: with `other_boxes`: copies whose label rows differ (class, or box by more than 1e-6 of the image's
      size);
    - `mended`: what was found in the labels → its `count`, and the first of the `places`;
    - `label_leak`: `train-test` → how many test `images`, exact copies apart, have all their label rows in one training
      image, `examples` as pairs of names; how many of the label `rows` of test (`of`) stand in train at all. A
      box around the whole image is no such row.

    Args:
        data: The target's config.
    """

    conflict: ClassVar[str] = "other_boxes"

    def __init__(self, data: InstanceDataConfig) -> None:
        self.data = data

    def key(self, splits: Mapping[str, Samples[Instances]]) -> list[Any]:
        """See `AuditPart`; thumbnails of other fits and storages are rounded otherwise."""
        data, on_disk = self.data, splits["train"].on_disk
        return [
            "boxes",
            BOX_VERSION,
            on_disk,
            data.fit,
            data.name,
            data.split,
            data.min_images_per_class,
            _mended(splits),
        ]

    def counts(self, split: Samples[Instances]) -> dict[str, Any]:
        """See `AuditPart`."""
        instances = split.annotations
        owner, objects = instances.owners(), instances.starts.diff()
        large = (instances.boxes[:, 2:] - instances.boxes[:, :2] >= TINY).any(dim=1)
        with_large = torch.bincount(owner[large], minlength=len(split)) > 0
        of_class = torch.bincount(split.labels, minlength=len(split.class_names)).tolist()
        return {
            "images": len(split),
            "background": int((objects == 0).sum()),
            "objects": dict(zip(split.class_names, of_class, strict=True)),
            "tiny": int(((objects > 0) & ~with_large).sum()),
        }

    def small_classes(self, train: Samples[Instances]) -> dict[str, int]:
        """See `AuditPart`."""
        classes = len(train.class_names)
        pairs = train.annotations.owners() * classes + train.labels
        present = torch.unique(pairs) % classes  # one for each image and class in it
        counts = torch.bincount(present, minlength=classes).tolist()
        wanted = self.data.min_images_per_class
        return {name: count for name, count in zip(train.class_names, counts, strict=True) if count < wanted}

    def looks(self, split: Samples[Instances]) -> Looks | None:
        """See `looks_inside`."""
        return looks_inside(split)

    def compared(
        self, splits: Mapping[str, Samples[Instances]]
    ) -> tuple[Mapping[str, NDArray[np.int64]], dict[str, Any]]:
        """See `AuditPart`."""
        rows = {split: label_rows(_listing(samples)) for split, samples in splits.items()}
        numbers: dict[frozenset[tuple[int, ...]], int] = {}
        same = {
            split: np.array([numbers.setdefault(row, len(numbers)) for row in found], np.int64)
            for split, found in rows.items()
        }
        return same, {"mended": _mended(splits), "label_leak": _label_leak(splits, rows)}

    def warnings(self, section: Mapping[str, Any]) -> list[str]:
        """See `AuditPart`."""
        return warnings_of(section, self.data)


def _mended(splits: Mapping[str, Samples[Instances]]) -> dict[str, Any]:
    places: dict[str, dict[str, None]] = {}
    for samples in splits.values():
        for what, found in (samples.listing.mended if samples.listing else {}).items():
            places.setdefault(what, {}).update(dict.fromkeys(printable(place) for _, place in found))
    return {what: {"count": len(found), "places": list(found)[:EXAMPLES]} for what, found in places.items()}


def _label_leak(
    splits: Mapping[str, Samples[Instances]], rows: Mapping[str, Sequence[frozenset[tuple[int, ...]]]]
) -> dict[str, Any]:
    listings = {split: _listing(samples) for split, samples in splits.items()}
    leak = {}
    for one, other in pairs_of(splits):
        copies = exact_copies(digests_of(splits[one]), digests_of(splits[other]))
        # what has copies, or says nothing by its labels
        left_out = {
            name
            for name, copy, found in zip(listings[other].names, copies.tolist(), rows[other], strict=True)
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
    return leak


def _listing(samples: Samples[Instances]) -> Listing[Instances]:
    """The labels as they were read; of drawn images, as they are."""
    if samples.listing is not None:
        return samples.listing
    assert samples.names is not None
    return Listing(Path(), samples.names, samples.annotations)
