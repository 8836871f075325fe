"""Copies of images: equal in every byte, or nearly equal to the eye."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.data.perceptual_hash import Looks

MAX_DISTANCE = 8
"""Bits in which the hashes of near-duplicates may differ."""

MIN_CORRELATION = 0.92
"""Correlation of the thumbnails of near-duplicates, at least.

Both were chosen by eye on CIFAR-10, where 175 of the 10,000 test images then have a partner among the training images,
of the same class and the same picture in every pair; ciFAIR (Barz and Denzler 2020, arXiv:1902.00423), whose
near-duplicates may be cropped or coloured otherwise, counts nearly twice as many. Of copies that were recompressed,
resized, brightened or made grey 96 to 100% are found, of those cropped by 6% about 80%.
"""

SMALLEST_SIDE = 16
"""Side in pixels below which different images look as alike as copies: a fifth of the 8×8 digits would have one."""

_FLAT = 4.0  # grey levels: below this standard deviation a hash is noise
_ROWS, _COLUMNS = 64, 4096  # pairs at a time, so that they stay in the processor's cache


def exact_copies(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.int64]:
    """For each of (M, 16) digests the position of the first equal one among (N, 16) others, or −1."""
    positions: dict[bytes, int] = {}
    for position, digest in enumerate(_rows(first)):
        positions.setdefault(digest, position)
    return np.array([positions.get(digest, -1) for digest in _rows(second)], np.int64)


def near_copies(first: Looks, second: Looks) -> NDArray[np.int64]:
    """For each image of the second set the position of the one most like it in the first, or −1.

    Alike are images whose hashes differ in at most `MAX_DISTANCE` bits and whose thumbnails correlate by
    `MIN_CORRELATION` or more: brightness and contrast count for nothing, recompression and resizing for little. Images
    that are nearly of one colour are left out. The time is that of N · M comparisons of 64 bits, some 10⁹ a second; the
    memory does not depend on what is found.
    """
    best = np.full(len(second), -1, np.int64)
    closest = np.full(len(second), -1.0, np.float32)
    usable = _not_flat(second)
    for columns in _blocks(_not_flat(first), _COLUMNS):
        there = first.hashes[columns]
        thumbnails: NDArray[np.float32] | None = None
        for rows in _blocks(usable, _ROWS):
            distances = popcount(second.hashes[rows, None] ^ there)
            hit = distances.min(axis=1) <= MAX_DISTANCE
            if not hit.any():
                continue
            if thumbnails is None:
                thumbnails = _normalised(first.thumbnails[columns])
            rows, distances = rows[hit], distances[hit]
            # Of whole rows, as a product of matrices is fast: it bounds the time where all images are alike.
            correlations = _normalised(second.thumbnails[rows]) @ thumbnails.T
            correlations[distances > MAX_DISTANCE] = -1.0
            at = correlations.argmax(axis=1)
            value = correlations[np.arange(len(rows)), at]
            better = (value >= MIN_CORRELATION) & (value > closest[rows])
            best[rows[better]], closest[rows[better]] = columns[at[better]], value[better]
    return best


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


def _not_flat(looks: Looks) -> NDArray[np.int64]:
    """Positions of the images that are not nearly of one colour."""
    return np.flatnonzero(looks.thumbnails.std(axis=(1, 2), dtype=np.float32) >= _FLAT)


def _blocks(positions: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    return (positions[start : start + size] for start in range(0, len(positions), size))


def _normalised(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, 256) float32 of mean 0 and length 1: their products are correlations."""
    pixels = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    pixels /= np.linalg.norm(pixels, axis=1, keepdims=True)
    return pixels
