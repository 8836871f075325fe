"""Which images of one set belong together, as they are copies of each other or of what is between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tlbench.data.near_duplicates import AS_THEY_ARE, after_changes, as_they_are, exact_copies, not_flat, where
from tlbench.data.perceptual_hash import Looks


def near_groups(digests: NDArray[np.uint8], looks: Looks | None) -> NDArray[np.int64]:
    """Groups of exact copies and of images that look alike, by the measure of `near_copies`.

    Groups are what is connected (single linkage): where one image is like a second, and this is like a third, the three
    are one group, though the first may be unlike the third. Every pair is looked at; those that are in one group
    already are not compared after changes, so images that are all alike cost no more than others. The memory does not
    depend on what is found.

    Args:
        digests: (N, 16) uint8, equal where images are.
        looks: Of the N images; None: exact copies alone.

    Returns:
        (N,) int64, the position of the first image of each one's group.
    """
    groups = exact_copies(digests, digests)
    if looks is None:
        return groups
    images = not_flat(looks)
    for rows, columns, correlations in as_they_are(looks, looks, images, images):
        row, column = where(correlations >= AS_THEY_ARE.correlation)
        groups = _joined(groups, rows[row], columns[column])

    def apart(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Each pair once, and none that is joined."""
        found: NDArray[np.bool_] = (rows[:, None] > columns) & (groups[rows, None] != groups[columns])
        return found

    for found in after_changes(looks, looks, images, images, apart):
        groups = _joined(groups, found.rows, found.columns)
    return groups


def of_several(groups: NDArray[np.int64]) -> list[list[int]]:
    """Positions of the images of each group of more than one, as `near_groups` gives them; by their first images."""
    found: dict[int, list[int]] = {}
    for position, first in enumerate(groups.tolist()):
        found.setdefault(first, []).append(position)
    return [group for group in found.values() if len(group) > 1]


def _joined(groups: NDArray[np.int64], one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """The groups after those of each of these pairs of images are made one."""
    one, other = groups[one], groups[other]
    apart = one != other
    if not apart.any():
        return groups
    from scipy.sparse import coo_array  # heavy, and most sets hold no two that are alike
    from scipy.sparse.csgraph import connected_components

    edges = np.ones(int(apart.sum()), np.uint8), (one[apart], other[apart])
    _, parts = connected_components(coo_array(edges, shape=(len(groups), len(groups))), directed=False)
    _, firsts, of = np.unique(parts[groups], return_index=True, return_inverse=True)
    found: NDArray[np.int64] = firsts[of]
    return found
