"""The audit of images with class maps: what is in each split, and copies of images or maps on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.annotations.maps.audit_texts import warnings_of
from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.annotations.maps.majority import majority
from tlbench.data.audit import EXAMPLES, AuditPart, digests_of, pairs_of
from tlbench.data.looks_inside import looks_inside
from tlbench.data.near_duplicates import exact_copies
from tlbench.data.perceptual_hash import Looks
from tlbench.data.samples import Samples
from tlbench.system.names import printable

MAP_VERSION = 1
"""Raise it when the same images with maps would be audited to another result; `VERSION` counts as well."""


class MapAudit(AuditPart[ClassMaps]):
    """Pixels and images a class, and what maps give away. The section has these parts of its own, of JSON types:

    - `counts`: split → `images`, `unlabelled` (images without a labelled pixel), `pixels` (class → how many),
      `images_with` (class → images that contain it), `ignored` (pixels);
    - `small_classes`: class → training images that contain it, where these are fewer than `data.min_images_per_class`;
    - `duplicates`: with `other_map`: copies whose maps differ;
    - `map_leak`: `train-test` → how many test `images`, exact copies apart, have the very map of one in train,
      `examples` as pairs of names. A map of one value throughout says nothing;
    - `majority`: see `tlbench.annotations.maps.majority`.

    Args:
        data: The target's config.
    """

    conflict: ClassVar[str] = "other_map"

    def __init__(self, data: MapDataConfig) -> None:
        self.data = data

    def key(self, splits: Mapping[str, Samples[ClassMaps]]) -> list[Any]:
        """See `AuditPart`; thumbnails of other fits and storages are rounded otherwise."""
        data = self.data
        return ["maps", MAP_VERSION, splits["train"].on_disk, data.fit, data.min_images_per_class]

    def counts(self, split: Samples[ClassMaps]) -> dict[str, Any]:
        """See `AuditPart`."""
        maps, names = split.annotations, split.class_names
        return {
            "images": len(split),
            "unlabelled": int((maps.counts.sum(1) == 0).sum()),
            "pixels": dict(zip(names, maps.counts.sum(0).tolist(), strict=True)),
            "images_with": dict(zip(names, (maps.counts > 0).sum(0).tolist(), strict=True)),
            "ignored": int(_ignored(maps).sum()),
        }

    def small_classes(self, train: Samples[ClassMaps]) -> dict[str, int]:
        """See `AuditPart`."""
        found = self.counts(train)["images_with"]
        return {name: count for name, count in found.items() if count < self.data.min_images_per_class}

    def looks(self, split: Samples[ClassMaps]) -> Looks | None:
        """See `looks_inside`."""
        return looks_inside(split, self.data.fit)

    def compared(
        self, splits: Mapping[str, Samples[ClassMaps]]
    ) -> tuple[Mapping[str, NDArray[np.int64]], dict[str, Any]]:
        """See `AuditPart`."""
        numbers: dict[bytes, int] = {}
        same = {
            split: np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in _keys(found)], np.int64)
            for split, found in splits.items()
        }
        counts = {split: found.annotations.counts.sum(0) for split, found in splits.items()}
        return same, {"map_leak": _map_leak(splits), "majority": majority(counts, splits["train"].class_names)}

    def warnings(self, section: Mapping[str, Any]) -> list[str]:
        """See `AuditPart`."""
        return warnings_of(section, self.data)


def _ignored(maps: ClassMaps) -> Tensor:
    """(N,): pixels of no class."""
    return maps.sizes.prod(1) - maps.counts.sum(1)


def _keys(split: Samples[ClassMaps]) -> NDArray[np.uint8]:
    """(N, 16 + 16) uint8, equal where maps and their sizes are."""
    maps = split.annotations
    sizes = np.ascontiguousarray(maps.sizes.numpy()).view(np.uint8).reshape(len(maps), -1)
    return np.concatenate([maps.digests.numpy(), sizes], axis=1)


def _map_leak(splits: Mapping[str, Samples[ClassMaps]]) -> dict[str, Any]:
    keys = {split: _keys(found) for split, found in splits.items()}
    leak = {}
    for one, other in pairs_of(splits):
        copies = exact_copies(digests_of(splits[one]), digests_of(splits[other]))
        maps = splits[other].annotations
        values = (maps.counts > 0).sum(1) + (_ignored(maps) > 0)
        partners = exact_copies(keys[one], keys[other])
        rows = torch.nonzero(torch.from_numpy((partners >= 0) & (copies < 0)) & (values > 1)).flatten().tolist()
        first, second = (_names(split, splits[split]) for split in (one, other))
        leak[f"{one}-{other}"] = {
            "images": len(rows),
            "examples": [[first[partners[i]], second[i]] for i in rows[:EXAMPLES]],
        }
    return leak


def _names(split: str, samples: Samples[ClassMaps]) -> list[str]:
    if samples.names is None:
        return [f"{split}[{i}]" for i in range(len(samples))]
    return list(map(printable, samples.names))
