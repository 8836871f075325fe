"""What was read, made of the opened target: of what its listing and its decoding found, not of a second look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tlbench.data.inventory import Inventory
from tlbench.data.target import Target
from tlbench.results.was_read import FilesRead, LeftOut, SplitRead, WasRead


def was_read(task: str, target: Target[Any], labels: Mapping[str, Tensor]) -> WasRead:
    """Task, classes with counts by split, where each split comes from, and what became of the files.

    Args:
        task: Its name.
        target: The opened target.
        labels: Split → its labels, or those of its objects: (N,) int64, positions in the class names.
    """
    return WasRead(
        task=task,
        data=target.name,
        splits={
            name: SplitRead(
                images=len(split),
                origin=str(target.split_rule.get(name, "")),
                classes=_counts(labels[name], target.class_names),
            )
            for name, split in target.splits.items()
        },
        files=None if target.inventory is None else _files(target.inventory),
    )


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
