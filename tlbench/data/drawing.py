"""What images are drawn by, for splits and subsets: which number stands for each, and which of them stay together."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tlbench.config import DataConfig
from tlbench.data.groups import folder_of, group_names, group_numbers
from tlbench.data.listing import Listing
from tlbench.data.samples import Samples
from tlbench.seeds import Draw, bits

_POSITION = re.compile(r"(train|val|test)\[\d+\]")  # what images that code gives are called, where they are no files
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


def drawing(found: Listing[Any] | Samples[Any], data: DataConfig, split_seed: int, *, grouped: bool = True) -> Drawing:
    """What some images are drawn by, as `data.draw` and, where they are divided, `data.group` say.

    With `data.draw=identity` an image is drawn by its name, that of its file, and one without a name by its pixels:
    images that come to the data or leave them move no other.

    Raises:
        DataError: `data.group` does not fit the names, or there are none.
    """
    names = group_names(found, data) if grouped else None
    groups = None if names is None else group_numbers(names)
    if data.draw == "position":
        return Drawing(split_seed, torch.arange(len(found)), groups=groups)
    return Drawing(split_seed, _identities(found, data), by_identity=True, groups=groups)


def _identities(found: Listing[Any] | Samples[Any], data: DataConfig) -> Tensor:
    """(N,) int64: of names, the same however a system writes accents, whether the images are listed or read, and in
    whatever size; of pixels where an image has no name but its position.
    """
    if isinstance(found, Listing) or (found.names is not None and not any(map(_POSITION.fullmatch, found.names[:1]))):
        assert found.names is not None
        folder = folder_of(found, data)
        return _hashed(_plain(name, folder).encode(errors="surrogateescape") for name in found.names)
    if found.digests is not None:
        return _hashed(row.tobytes() for row in found.digests)
    blocks = torch.split(torch.arange(len(found)), _ROWS)
    return _hashed(image.tobytes() for block in blocks for image in found.pictures(block).numpy())


def _plain(name: str, folder: Path | None) -> str:
    """A path as it is from the folder, where a table gives it in full: data may lie elsewhere on another machine."""
    if folder is not None and os.path.isabs(name):  # noqa: PTH117 - Paths are slow
        name = Path(os.path.relpath(name, folder.absolute())).as_posix()
    return unicodedata.normalize("NFC", name)


def _hashed(contents: Iterable[bytes]) -> Tensor:
    digests = b"".join(hashlib.blake2b(content, digest_size=8).digest() for content in contents)
    return torch.from_numpy(np.frombuffer(digests, "<i8").astype(np.int64))
