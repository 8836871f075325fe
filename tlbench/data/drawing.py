"""What images are drawn by, for splits and subsets: which number stands for each, and which of them stay together."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tlbench.config import DataConfig
from tlbench.data.groups import group_names, group_numbers
from tlbench.data.listing import Listing
from tlbench.data.samples import Samples
from tlbench.seeds import Draw, bits

_ROWS = 1024  # images whose pixels are hashed at a time


@dataclass(frozen=True, eq=False)
class Drawing:
    """N images to draw from.

    Args:
        seed: The split seed.
        keys: (N,) int64: what each is drawn by. Equal ones come in the order of their positions.
        by_identity: Whether the keys are the images' own; else their positions.
        groups: (N,) int64, equal for images that must lie in one split; None: each image stands alone.
    """

    seed: int
    keys: Tensor
    by_identity: bool = False
    groups: Tensor | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def order(self, draw: Draw, repetition: int = 0) -> Tensor:
        """(N,) int64 positions in random order, a function of seed, draw, repetition and keys alone."""
        return torch.argsort(bits(self.seed, repetition, self.keys, draw), stable=True)

    def take(self, index: Tensor) -> Drawing:
        """What is at (M,) int64 positions; positions are counted anew."""
        keys = self.keys[index] if self.by_identity else torch.arange(len(index))
        return Drawing(self.seed, keys, self.by_identity, None if self.groups is None else self.groups[index])


def by_position(count: int, seed: int) -> Drawing:
    """A drawing of so many images by their positions, as it was before images had keys of their own."""
    return Drawing(seed, torch.arange(count))


def drawing(found: Listing[Any] | Samples[Any], data: DataConfig, split_seed: int) -> Drawing:
    """What some images are drawn by, as `data.draw` and `data.group` say.

    With `data.draw=identity` an image of a file is drawn by the file's name, and one that is no file by its pixels:
    images that come to the data or leave them move no other.

    Raises:
        DataError: `data.group` does not fit the names, or there are none.
    """
    names = group_names(found, data)
    groups = None if names is None else group_numbers(names)
    if data.draw == "position":
        return Drawing(split_seed, torch.arange(len(found)), groups=groups)
    return Drawing(split_seed, _identities(found), by_identity=True, groups=groups)


def _identities(found: Listing[Any] | Samples[Any]) -> Tensor:
    """(N,) int64: of the names of files, the same however a system writes accents; of pixels where there is no file."""
    if isinstance(found, Listing):
        return _hashed(unicodedata.normalize("NFC", name).encode(errors="surrogateescape") for name in found.names)
    if found.digests is not None:
        return _hashed(row.tobytes() for row in found.digests)
    blocks = torch.split(torch.arange(len(found)), _ROWS)
    return _hashed(image.tobytes() for block in blocks for image in found.pictures(block).numpy())


def _hashed(contents: Iterable[bytes]) -> Tensor:
    digests = b"".join(hashlib.blake2b(content, digest_size=8).digest() for content in contents)
    return torch.from_numpy(np.frombuffer(digests, "<i8").astype(np.int64))
