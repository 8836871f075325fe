"""What is reached by calling every pixel the class that most training pixels have: the floor of all results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor


def majority(counts: Mapping[str, Tensor], class_names: tuple[str, ...]) -> dict[str, Any]:
    """The class, and OA and mIoU on each split; JSON types.

    Args:
        counts: Split (`train` among them) → (C,) int64, its pixels of each class.
        class_names: C names.

    Returns:
        `class`, and `splits`: split → `oa`, `miou` (over the classes that occur, and this one); of a split without
        labelled pixels nothing.
    """
    most = int(counts["train"].argmax())
    splits = {}
    for split, found in counts.items():
        total = int(found.sum())
        if total:
            occurring = int((found > 0).sum()) + int(found[most] == 0)
            oa = int(found[most]) / total  # all others' IoU is 0, and its own is this: all pixels are its union
            splits[split] = {"oa": oa, "miou": oa / occurring}
    return {"class": class_names[most], "splits": splits}
