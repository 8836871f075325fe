"""What images look like in 64 bits and a thumbnail, and what they are bit by bit: for finding copies."""

from __future__ import annotations

import functools
import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from tlbench.data.changed_looks import CHANGES, SPANS, resampling

HASHED_SIDE = 32
"""Side in pixels of the grey square that is hashed."""

THUMBNAIL_SIDE = 16
"""Side in pixels of the grey thumbnails."""

_FREQUENCIES = 8  # lowest ones of each axis
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_CHUNK_BYTES = 1 << 22  # of images: bounds the memory for any number of them


@dataclass(frozen=True, eq=False)
class Looks:
    """What N images look like, as they are and after each of `CHANGES`.

    Args:
        hashes: (N, changes) uint64, see `looks_of`; the first are those of the images as they are.
        thumbnails: (N, 16, 16) uint8, grey.
    """

    hashes: NDArray[np.uint64]
    thumbnails: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.hashes)

    def take(self, positions: NDArray[np.int64]) -> Looks:
        """What the images at these positions look like."""
        return Looks(self.hashes[positions], self.thumbnails[positions])


def looks_of(images: Tensor) -> Looks:
    """Hash images so that those which look alike differ in few bits.

    The hash is pHash (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions"): a grey
    antialiased thumbnail of 32×32 pixels, its two-dimensional DCT-II, of that the 8×8 lowest frequencies without the
    mean, and for each of these 63 a bit that says whether it lies above their median. The hashes of changed images are
    made of the same thumbnail of 32×32 pixels: a crop is interpolated and transformed by one product of matrices, and
    to mirror an image negates the odd horizontal frequencies.

    Args:
        images: (N, 3, H, W) uint8, RGB, on the CPU; N > 0.
    """
    side = (HASHED_SIDE, HASHED_SIDE)
    hashes, thumbnails = [], []
    for chunk in torch.split(images, max(_CHUNK_BYTES // math.prod(images.shape[1:]), 1)):
        if chunk.shape[2:] != side:
            chunk = F.interpolate(chunk, side, mode="bilinear", antialias=True)
        red, green, blue = (weight * chunk[:, channel].float() for channel, weight in enumerate(_LUMA))
        grey = red + green + blue
        hashes.append(_hash(grey))
        small = F.avg_pool2d(grey, HASHED_SIDE // THUMBNAIL_SIDE).round()
        thumbnails.append(small.to(torch.uint8).numpy())
    return Looks(np.concatenate(hashes), np.concatenate(thumbnails))


def pixel_digests(images: Tensor) -> NDArray[np.uint8]:
    """(N, 16) uint8: BLAKE2b of the pixels of each of (N, …) uint8 images on the CPU."""
    digests = np.zeros((len(images), 16), np.uint8)
    for row, image in enumerate(images.contiguous().numpy()):
        digests[row] = np.frombuffer(hashlib.blake2b(image.data, digest_size=16).digest(), np.uint8)
    return digests


def _hash(grey: Tensor) -> NDArray[np.uint64]:
    """(N, changes) uint64 of (N, 32, 32) float32."""
    basis = _cosines_of_spans()
    by_span = (len(SPANS), _FREQUENCIES)
    every = (basis @ grey.double() @ basis.T).reshape(-1, *by_span, *by_span)
    low = torch.stack([every[:, change.down, :, change.across] * _signs(change.mirrored) for change in CHANGES], dim=1)
    low = low.flatten(2)[:, :, 1:]
    above = low > low.median(dim=2, keepdim=True).values
    padded = F.pad(above, (0, 64 - above.shape[2]))
    return np.packbits(padded.numpy(), axis=2).view(np.uint64)[:, :, 0]


@functools.cache
def _cosines_of_spans() -> Tensor:
    """(spans · 8, 32) float64: of each of `SPANS` the lowest frequencies of the DCT-II of 32 values, unscaled."""
    frequency, position = torch.arange(_FREQUENCIES)[:, None], torch.arange(HASHED_SIDE)[None]
    cosines = torch.cos(math.pi * frequency * (2 * position + 1) / (2 * HASHED_SIDE)).double()
    return (cosines @ torch.from_numpy(resampling(HASHED_SIDE))).flatten(0, 1)


@functools.cache
def _signs(mirrored: bool) -> Tensor:
    """(8,) float64, of each horizontal frequency."""
    return torch.tensor([-1.0 if mirrored and frequency % 2 else 1.0 for frequency in range(_FREQUENCIES)]).double()
