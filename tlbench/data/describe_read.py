"""What was read, made of the opened target: of what its listing and its decoding found, not of a second look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.data.facts import CONTAINERS, Container, ImageFacts
from tlbench.data.inventory import Inventory
from tlbench.data.target import Target
from tlbench.data.was_read import FilesRead, ImagesRead, LeftOut, PixelsRead, SplitRead, WasRead

_BITS: Mapping[Container, str] = {"uint8": "8 bits", "uint16": "16 bits", "int32": "32 bits", "float32": "float"}


def was_read(task: str, target: Target[Any]) -> WasRead:
    """Task, classes with counts by split, where each split comes from, and what became of the files.

    Args:
        task: Its name.
        target: The opened target.
    """
    return WasRead(
        task=task,
        data=target.name,
        splits={
            name: SplitRead(
                images=len(split),
                origin=_origin(str(target.split_rule.get(name, "")), name),
                classes=_counts(split.labels, target.class_names),
            )
            for name, split in target.splits.items()
        },
        files=None if target.inventory is None else _files(target.inventory),
        images=_images(list(target.facts.values()), target.pixel_ranges) if target.facts else None,
    )


def _origin(rule: str, split: str) -> str:
    """Some rules say whose a split is, and not which."""
    return f"{rule} {split}" if rule == "official" or rule.endswith("'s") else rule


def _counts(labels: Tensor, class_names: Sequence[str]) -> dict[str, int]:
    counts = torch.bincount(labels.cpu(), minlength=len(class_names)).tolist()
    return dict(zip(class_names, counts, strict=True))


def _files(inventory: Inventory) -> FilesRead:
    found = inventory.section()
    return FilesRead(
        root=str(inventory.root),
        read=found["read"],
        left_out={reason: LeftOut(**left) for reason, left in found["left_out"].items()},
    )


def _images(facts: Sequence[ImageFacts], ranges: Mapping[Any, tuple[float, float]]) -> ImagesRead:
    sizes = np.concatenate([split.sizes for split in facts])
    area = sizes.prod(1)
    return ImagesRead(
        smallest=_size(sizes[area.argmin()]),
        median=_size(np.median(sizes, axis=0)),
        largest=_size(sizes[area.argmax()]),
        grey=sum(int(split.grey.sum()) for split in facts),
        pixels={_BITS[kind]: found for kind in CONTAINERS if (found := _pixels(kind, facts, ranges.get(kind)))},
    )


def _pixels(kind: Container, facts: Sequence[ImageFacts], scaled_by: tuple[float, float] | None) -> PixelsRead | None:
    which = [split.stored_as(kind) for split in facts]
    low = np.concatenate([split.low[stored] for split, stored in zip(facts, which, strict=True)])
    high = np.concatenate([split.high[stored] for split, stored in zip(facts, which, strict=True)])
    if not len(low):
        return None
    return PixelsRead(images=len(low), lowest=low.min(), highest=high.max(), scaled_by=scaled_by)


def _size(size: NDArray[Any]) -> tuple[int, int]:
    return int(size[0]), int(size[1])
