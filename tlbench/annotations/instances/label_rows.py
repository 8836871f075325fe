"""Label rows as numbers, and which images have those of a training image: frames of one scene, or copies."""

from __future__ import annotations

from itertools import pairwise

import torch

from tlbench.annotations.instances.instances import Instances
from tlbench.data.listing import Listing


def label_rows(listing: Listing[Instances]) -> list[frozenset[tuple[int, ...]]]:
    """Of each image, its label rows: class and `x1 y1 x2 y2` as millionths of width and height."""
    found = listing.annotations
    limits = found.inside.flip(1).repeat(1, 2)[found.owners()].double()
    millionths = (found.boxes.double() / limits * 1e6).round().long()
    rows = torch.cat([found.labels[:, None], millionths], 1).tolist()
    return [frozenset(map(tuple, rows[a:b])) for a, b in pairwise(found.starts.tolist())]


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
