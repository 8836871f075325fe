"""Which images have the labels of a training image, number by number: frames of one scene, or copies."""

from __future__ import annotations

from tlbench.annotations.instances.frame_blocks import label_rows
from tlbench.annotations.instances.instances import Instances
from tlbench.data.listing import Listing


def label_leak(train: Listing[Instances], other: Listing[Instances]) -> list[tuple[str, str]]:
    """Images of another split of which every label row stands exactly in one training image's labels.

    Boxes are compared as fractions of width and height, to 1e-6. Images without objects have no rows to compare.

    Returns:
        The names of such an image and of the first training image with its rows, in `other`'s order.
    """
    holders: dict[tuple[int, ...], set[int]] = {}
    for image, rows in enumerate(label_rows(train)):
        for row in rows:
            holders.setdefault(row, set()).add(image)
    pairs = []
    for name, rows in zip(other.names, label_rows(other), strict=True):
        found = sorted((holders.get(row, set()) for row in rows), key=len)
        common = found[0].intersection(*found[1:]) if found else set()
        if common:
            pairs.append((name, train.names[min(common)]))
    return pairs
