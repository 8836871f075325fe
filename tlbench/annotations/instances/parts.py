"""The parts that a data set with boxes comes in, as they were read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch

from tlbench.annotations.instances.assemble import Mended
from tlbench.annotations.instances.listing import BoxListing
from tlbench.data.inventory import Inventory


@dataclass(frozen=True, eq=False)
class ReadParts:
    """A data set with boxes, before it is decided which images are train, val and test.

    Args:
        parts: `train`, and `val` and `test` where the data set has them; without the unreadable images.
        mended: What was mended in their labels.
        unreadable: Name of each image whose file cannot be read → the reason.
        named: What the parts are called in the rule of the splits: `official`, `the folder's`.
        frames: Whether the images are frames of videos.
        inventory: What became of each file below the root; None where it is not taken.
        unlabelled: Names of the images that no label file and no entry of annotations belongs to.
    """

    parts: Mapping[str, BoxListing]
    mended: Mended
    unreadable: Mapping[str, str]
    named: str = "the folder's"
    frames: bool = False
    inventory: Inventory | None = None
    unlabelled: frozenset[str] = frozenset()


def parts_of(
    whole: BoxListing, parts: Mapping[str, Sequence[str]], unreadable: Collection[int] = ()
) -> dict[str, BoxListing]:
    """Divide a listing of all images into the parts that follow one another in it.

    Args:
        whole: The images of all parts, in their order.
        parts: Part → the names of its images.
        unreadable: Positions in `whole` that are left out.
    """
    taken, start = {}, 0
    for part, names in parts.items():
        kept = [i for i in range(start, start + len(names)) if i not in unreadable]
        taken[part] = whole.take(torch.tensor(kept, dtype=torch.int64))
        start += len(names)
    return taken
