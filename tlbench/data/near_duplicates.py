"""Copies of images: equal in every byte, or nearly equal to the eye."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.data.changed_looks import CHANGES, changed
from tlbench.data.perceptual_hash import Looks


@dataclass(frozen=True)
class Alike:
    """What makes two images near-duplicates.

    Args:
        distance: Bits in which their hashes may differ.
        correlation: Of their thumbnails, at least.
    """

    distance: int
    correlation: float


AS_THEY_ARE = Alike(distance=8, correlation=0.92)
"""Of images as they are.

Chosen by eye on CIFAR-10, where 175 of the 10,000 test images then have a partner among the training images, of the
same class and the same picture in every pair. Of copies that were recompressed, resized, brightened or made grey 96 to
100% are found.
"""

CHANGED = Alike(distance=6, correlation=0.93)
"""After one of `CHANGES`.

Chosen by eye on CIFAR-10 (JPEG), where 122 more of the 10,000 test images then have a partner, all of the same class:
94 cropped, 15 mirrored, 13 both. 4 of the pairs are other pictures: horses, ships, aeroplanes. `AS_THEY_ARE` would give
201, of which about 25 are. ciFAIR (Barz and Denzler 2020, arXiv:1902.00423), whose near-duplicates may be coloured
otherwise, counts nearly twice the 175. Of mirrored copies all are found; of those cropped by 5% at the centre, a side
or a corner 99.4% (100 images of CIFAR-10; 18% as they are) and 100% (40 of CamVid; 58%); of those cropped by 10% half:
`python -m benchmarks.near_copies`.
"""

REACH = 22
"""Bits in which the hashes of two images may differ that are compared after crops, of the images or the mirrored ones.

A crop by 5% at a corner changes at most 20 in 99% of the images of CIFAR-10, 18 in those of CamVid, 26 in those of
Signature; 2% of the pairs of different images of CIFAR-10 differ in as few as 22.
"""

SMALLEST_SIDE = 16
"""Side in pixels below which different images look as alike as copies: a fifth of the 8×8 digits would have one."""

_FLAT = 4.0  # grey levels: below this standard deviation a hash is noise
_ROWS, _COLUMNS = 64, 4096  # pairs at a time, so that they stay in the processor's cache
_CROPS, _MIRRORED = slice(0, len(CHANGES) // 2), slice(len(CHANGES) // 2, len(CHANGES))
_PAIRS = 16384  # of images that are looked at closely, at a time: bounds the memory


def exact_copies(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.int64]:
    """For each of (M, 16) digests the position of the first equal one among (N, 16) others, or −1."""
    positions: dict[bytes, int] = {}
    for position, digest in enumerate(_rows(first)):
        positions.setdefault(digest, position)
    return np.array([positions.get(digest, -1) for digest in _rows(second)], np.int64)


@dataclass(frozen=True, eq=False)
class NearCopies:
    """For each of M images the one most like it among others.

    Args:
        partners: (M,) int64, its position, or −1.
        changes: (M,) int64, what one of the two looks like the other after, of `CHANGES`; 0 without a partner.
    """

    partners: NDArray[np.int64]
    changes: NDArray[np.int64]


def near_copies(first: Looks, second: Looks) -> NearCopies:
    """For each image of the second set the one most like it in the first.

    Alike are images whose hashes differ in few bits and whose thumbnails correlate, see `AS_THEY_ARE`: brightness and
    contrast count for nothing, recompression and resizing for little. Images without such a partner are looked for
    again after each of `CHANGES` of either of the two, see `CHANGED`. Images that are nearly of one colour are left
    out. The time is that of 3 · N · M comparisons of 64 bits, some 10⁹ a second, and of twenty more for each pair that
    is within `REACH`, as a whole or mirrored; the memory does not depend on what is found.
    """
    best = _Best.of(len(second))
    there, asked = not_flat(first), not_flat(second)
    for rows, columns, correlations in as_they_are(first, second, there, asked):
        at = correlations.argmax(axis=1)
        values = correlations[np.arange(len(rows)), at]
        kept = values >= AS_THEY_ARE.correlation
        best.take(rows[kept], columns[at[kept]], np.zeros(kept.sum(), np.int64), values[kept])
    asked = asked[best.partners[asked] < 0]
    for found in after_changes(first, second, there, asked):
        best.take(found.rows, found.columns, found.changes, found.values)
    return NearCopies(best.partners, best.changes)


@dataclass(frozen=True, eq=False)
class _Best:
    """What was found so far, for each image of the second set."""

    partners: NDArray[np.int64]
    changes: NDArray[np.int64]
    closest: NDArray[np.float32]

    @classmethod
    def of(cls, count: int) -> _Best:
        none = np.full(count, -1, np.int64)
        return cls(none, np.zeros(count, np.int64), np.full(count, -1.0, np.float32))

    def take(
        self,
        rows: NDArray[np.int64],
        partners: NDArray[np.int64],
        changes: NDArray[np.int64],
        values: NDArray[np.float32],
    ) -> None:
        """Keep the closest, by their correlations; of equals the first partner by its first change."""
        order = np.lexsort((changes, partners, -values, rows))
        order = order[np.unique(rows[order], return_index=True)[1]]  # the first of each row
        order = order[values[order] > self.closest[rows[order]]]
        self.partners[rows[order]] = partners[order]
        self.changes[rows[order]] = changes[order]
        self.closest[rows[order]] = values[order]


def as_they_are(
    first: Looks, second: Looks, there: NDArray[np.int64], asked: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Compare images of the first set with those of the second, which lie at these positions, block by block.

    Yields:
        (R,) positions in the second set, (C,) positions in the first, and (R, C) correlations, −1 where hashes differ
        too much; images of the second set without any other in the block are left out.
    """
    for columns in _blocks(there, _COLUMNS):
        hashes = first.hashes[columns, 0]
        thumbnails: NDArray[np.float32] | None = None
        for rows in _blocks(asked, _ROWS):
            distances = popcount(second.hashes[rows, :1] ^ hashes)
            hit = distances.min(axis=1) <= AS_THEY_ARE.distance
            if not hit.any():
                continue
            if thumbnails is None:
                thumbnails = _normalised(first.thumbnails[columns])
            rows, distances = rows[hit], distances[hit]
            # Of whole rows, as a product of matrices is fast: it bounds the time where all images are alike.
            correlations = _normalised(second.thumbnails[rows]) @ thumbnails.T
            correlations[distances > AS_THEY_ARE.distance] = -1.0
            yield rows, columns, correlations


@dataclass(frozen=True, eq=False)
class Changed:
    """P pairs that look alike after a change of one of the two.

    Args:
        rows: (P,) int64, positions in the second set.
        columns: (P,) int64, in the first.
        changes: (P,) int64, of `CHANGES`.
        values: (P,) float32, correlations.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    changes: NDArray[np.int64]
    values: NDArray[np.float32]


def after_changes(
    first: Looks,
    second: Looks,
    there: NDArray[np.int64],
    asked: NDArray[np.int64],
    wanted: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]] | None = None,
) -> Iterator[Changed]:
    """Compare images of the first set with those of the second, which lie at these positions, after each change.

    Args:
        first: The first set.
        second: The second.
        there: Positions in the first.
        asked: In the second.
        wanted: Of (R,) positions in the second and (C,) in the first, which of the (R, C) pairs are looked at; None:
            all.
    """
    for columns in _blocks(there, _COLUMNS):
        known = first.take(columns)
        for rows in _blocks(asked, _ROWS):
            pairs = None if wanted is None else wanted(rows, columns)
            if pairs is None or pairs.any():
                yield from _changed(known, second.take(rows), columns, rows, pairs)


def _changed(
    first: Looks,
    second: Looks,
    columns: NDArray[np.int64],
    rows: NDArray[np.int64],
    wanted: NDArray[np.bool_] | None,
) -> Iterator[Changed]:
    """Compare a block of the first set with one of the second, which lie at these positions, after each change."""
    for changes in _CROPS, _MIRRORED:
        near = popcount(second.hashes[:, changes.start, None] ^ first.hashes[:, 0]) <= REACH
        row, column = where(near if wanted is None else near & wanted)
        for start in range(0, len(row), _PAIRS):
            some = slice(start, start + _PAIRS)
            pairs = (first, column[some]), (second, row[some])
            for (one, ones), (other, others) in (pairs, pairs[::-1]):
                after = one.hashes[:, changes].take(ones, axis=0)
                pair, which = where(popcount(after ^ other.hashes[:, :1].take(others, axis=0)) <= CHANGED.distance)
                which += changes.start
                values = _correlations(one.thumbnails[ones[pair]], which, other.thumbnails[others[pair]])
                kept = np.flatnonzero(values >= CHANGED.correlation)
                pair = pair[kept]
                yield Changed(rows[row[some][pair]], columns[column[some][pair]], which[kept], values[kept])


def _correlations(one: NDArray[np.uint8], changes: NDArray[np.int64], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N,) float32, of N thumbnails after a change each with N others; −1 where the change leaves one colour."""
    values = np.full(len(one), -1.0, np.float32)
    for change in np.unique(changes):
        at = np.flatnonzero(changes == change)
        left = changed(one[at], CHANGES[change])
        kept = left.std(axis=(1, 2)) >= _FLAT
        at, left = at[kept], left[kept]
        values[at] = (_normalised(left) * _normalised(other[at])).sum(axis=1)
    return values


def _popcount(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Sums of neighbouring bits, pairs of bits, groups of four; the product adds the eight bytes into the highest."""
    ones, twos, fours, bytes_ = (np.uint64(0x0101010101010101 * byte) for byte in (0x55, 0x33, 0x0F, 0x01))
    words = words - ((words >> np.uint64(1)) & ones)
    words = (words & twos) + ((words >> np.uint64(2)) & twos)
    words = (words + (words >> np.uint64(4))) & fours
    return ((words * bytes_) >> np.uint64(56)).astype(np.uint8)


popcount: Any = getattr(np, "bitwise_count", _popcount)
"""Number of ones in each of the uint64 words, as uint8; numpy has it from version 2 on."""


def _rows(digests: NDArray[np.uint8]) -> Iterator[bytes]:
    return (digest.tobytes() for digest in digests)


def not_flat(looks: Looks) -> NDArray[np.int64]:
    """Positions of the images that are not nearly of one colour."""
    return np.flatnonzero(looks.thumbnails.std(axis=(1, 2), dtype=np.float32) >= _FLAT)


def where(these: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of what is true, by row; much faster than numpy's own where that is little."""
    row, column = np.divmod(np.flatnonzero(these), these.shape[1])
    return row, column


def _blocks(positions: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    return (positions[start : start + size] for start in range(0, len(positions), size))


def _normalised(thumbnails: NDArray[Any]) -> NDArray[np.float32]:
    """(N, 256) float32 of mean 0 and length 1: their products are correlations."""
    pixels = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    pixels /= np.linalg.norm(pixels, axis=1, keepdims=True)
    return pixels
