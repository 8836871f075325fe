"""What the audit says of images with key points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tlbench.data.audit import AuditPart
from tlbench.data.audit_texts import NAMED, alike, conflicts, copies, lines_of, more, unreadable
from tlbench.data.near_duplicates import SMALLEST_SIDE
from tlbench.data.perceptual_hash import Looks, looks_of
from tlbench.data.samples import Samples
from tlbench_keypoints.config import PointDataConfig
from tlbench_keypoints.names import partners
from tlbench_keypoints.points import Points


class PointAudit(AuditPart[Points]):
    """Images in which each point is seen, and left points that lie where the right ones of other images do.

    Args:
        data: The target's config.
    """

    conflict: ClassVar[str] = "other_points"

    def __init__(self, data: PointDataConfig) -> None:
        self.wanted = data.min_images_per_class

    def key(self, splits: Mapping[str, Samples[Points]]) -> list[Any]:
        """See `AuditPart`."""
        return ["keypoints", 1, self.wanted]

    def counts(self, split: Samples[Points]) -> dict[str, Any]:
        """Images, those without any point, and point → images."""
        of = split.annotations
        return {
            "images": len(split),
            "without": int((~of.seen.any(1)).sum()),
            "points": dict(zip(of.points, of.seen.sum(0).tolist(), strict=True)),
        }

    def small_classes(self, train: Samples[Points]) -> dict[str, int]:
        """Point → training images, of those that are seen in few."""
        found = self.counts(train)["points"]
        return {point: count for point, count in found.items() if count < self.wanted}

    def looks(self, split: Samples[Points]) -> Looks | None:
        """Of the whole stored images: what lies beside the images is the same grey in all."""
        assert split.thumbnails is not None
        return looks_of(split.thumbnails) if min(split.size) >= SMALLEST_SIDE else None

    def compared(self, splits: Mapping[str, Samples[Points]]) -> tuple[Mapping[str, NDArray[np.int64]], dict[str, Any]]:
        """Equal where all points are; and how often the sides of pairs are the wrong way round."""
        numbers: dict[bytes, int] = {}
        same = {}
        for name, split in splits.items():
            of = split.annotations
            rows = np.concatenate([of.xy.flatten(1).numpy(), of.seen.numpy()], axis=1).astype(np.float32)
            same[name] = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows], np.int64)
        return same, {"crossed": {name: _crossed(split.annotations) for name, split in splits.items()}}

    def warnings(self, section: Mapping[str, Any]) -> list[str]:
        """See `AuditPart`."""
        totals = {split: counts["images"] for split, counts in section["counts"].items()}
        duplicates = section["duplicates"]
        return lines_of(
            copies(duplicates, totals),
            conflicts(duplicates, self.conflict, "equal images with different points", "one of each pair is wrong"),
            alike(duplicates, totals),
            self._small(section),
            unreadable(section["unreadable"]),
        )

    def _small(self, section: Mapping[str, Any]) -> str | None:
        small = section["small_classes"]
        if not small:
            return None
        named = ", ".join(f"{name} {count}" for name, count in list(small.items())[:NAMED])
        return (
            f"points that fewer than {self.wanted} training images have ({named}{more(len(small))}): their metrics "
            "will vary; add images, or lower data.min_images_per_class"
        )


def _crossed(of: Points) -> dict[str, int]:
    """Pair → images in which it lies the other way round than in most."""
    found, points = {}, of.points
    for i, j in enumerate(partners(points)):
        if i < j:
            both = of.seen[:, i] & of.seen[:, j]
            less = int((of.xy[both, i, 0] < of.xy[both, j, 0]).sum())
            found[f"{points[i]}, {points[j]}"] = min(less, int(both.sum()) - less)
    return found
