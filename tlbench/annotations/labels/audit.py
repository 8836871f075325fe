"""What the audit says of images with one label each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from tlbench.annotations.labels.audit_texts import warnings_of
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.labels import Labels
from tlbench.data.audit import AuditPart
from tlbench.data.near_duplicates import SMALLEST_SIDE
from tlbench.data.perceptual_hash import Looks, looks_of
from tlbench.data.samples import MemorySamples, Samples


class LabelAudit(AuditPart[Labels]):
    """Images a class.

    Args:
        data: The target's config. With `data.shots` a class may have as few images, as they were asked for.
    """

    conflict: ClassVar[str] = "other_label"

    def __init__(self, data: LabelDataConfig) -> None:
        wanted, shots = data.min_images_per_class, data.shots
        self.wanted = wanted if shots is None else min(wanted, shots)

    def key(self, _splits: Mapping[str, Samples[Labels]]) -> list[Any]:
        """See `AuditPart`."""
        return ["labels", self.wanted]

    def counts(self, split: Samples[Labels]) -> dict[str, int]:
        """Class → images."""
        counts = torch.bincount(split.labels, minlength=len(split.class_names)).tolist()
        return dict(zip(split.class_names, counts, strict=True))

    def small_classes(self, train: Samples[Labels]) -> dict[str, int]:
        """See `AuditPart`."""
        return {name: count for name, count in self.counts(train).items() if count < self.wanted}

    def looks(self, split: Samples[Labels]) -> Looks | None:
        """See `AuditPart`."""
        if min(split.size) < SMALLEST_SIDE:
            return None
        if split.thumbnails is not None:
            return looks_of(split.thumbnails)
        assert isinstance(split, MemorySamples)
        return looks_of(split.images)

    def compared(self, splits: Mapping[str, Samples[Labels]]) -> tuple[Mapping[str, NDArray[np.int64]], dict[str, Any]]:
        """See `AuditPart`."""
        return {name: split.labels.numpy() for name, split in splits.items()}, {}

    def warnings(self, section: Mapping[str, Any]) -> list[str]:
        """See `AuditPart`."""
        return warnings_of(section, self.wanted)
