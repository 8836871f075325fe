"""A class for each pixel of images."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.config.data import Fit
from tlbench.config.size import Size
from tlbench.data.annotations import Annotations
from tlbench.data.carve_options import class_numbers, wanted_classes
from tlbench.data.ragged import starts_of
from tlbench.geometry.fits import inside_size, nearest

VOID = 255
"""In a class map: a pixel of no class, which counts nowhere."""

_LEVEL = 1  # of zlib: a map has long runs of one value, of which more effort makes little less

Map = NDArray[np.uint8]
"""(H, W): positions in the class names, and `VOID`."""


@dataclass(frozen=True, eq=False)
class ClassMaps(Annotations):
    """The class maps of N images, each packed in its own size: a few kilobytes where its file has as few.

    Args:
        packed: (Z,) uint8, the maps one after another, on the host; `unpacked` gives one.
        starts: (N + 1,) int64, from 0 to Z.
        sizes: (N, 2) int64, height and width of the images as they are in the data set, upright, and of their maps.
        inside: (N, 2) int64, likewise of the images as they are kept: as they are, or resized.
        counts: (N, C) int64, pixels of each class; what is left of a map is ignored.
        digests: (N, 16) uint8, BLAKE2b of each map's pixels.
        class_names: C names, at most 255.
    """

    by_file: ClassVar[bool] = True
    has_planes: ClassVar[bool] = True
    thumbnail_fit: ClassVar[Fit | None] = "corner"
    thumbnail: ClassVar[int] = 64

    packed: Tensor
    starts: Tensor
    sizes: Tensor
    inside: Tensor
    counts: Tensor
    digests: Tensor
    class_names: tuple[str, ...]

    @classmethod
    def of(cls, maps: Iterable[Map], class_names: Sequence[str]) -> ClassMaps:
        """Pack maps, one at a time.

        Args:
            maps: (H, W) uint8 each, below C or `VOID`.
            class_names: C names.

        Raises:
            ValueError: More than 255 classes, or a value that is no class.
        """
        if len(class_names) > VOID:
            raise ValueError(f"{len(class_names)} classes; a class map tells at most {VOID} apart")
        packed, starts, sizes, counts, digests = bytearray(), [0], [], [], []
        for each in maps:
            found = np.bincount(each.ravel(), minlength=VOID + 1)
            if found[len(class_names) : VOID].any():
                raise ValueError(f"a map holds {int(each[each < VOID].max())}; there are {len(class_names)} classes")
            content = np.ascontiguousarray(each)
            packed += zlib.compress(content.tobytes(), _LEVEL)  # which grows in place: no second copy at the end
            starts.append(len(packed))
            digests.append(np.frombuffer(blake2b(content.tobytes(), digest_size=16).digest(), np.uint8))
            sizes.append(each.shape)
            counts.append(found[: len(class_names)])
        size = torch.tensor(sizes, dtype=torch.int64).view(-1, 2)
        return cls(
            packed=torch.from_numpy(np.frombuffer(packed, np.uint8)),
            starts=torch.tensor(starts, dtype=torch.int64),
            sizes=size,
            inside=size,
            counts=torch.from_numpy(np.array(counts, np.int64).reshape(-1, len(class_names))),
            digests=torch.from_numpy(np.array(digests, np.uint8).reshape(-1, 16)),
            class_names=tuple(class_names),
        )

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def labels(self) -> Tensor:  # type: ignore[override]
        """(M,) int64: the classes that occur in each image, one image after another."""
        return torch.nonzero(self.counts)[:, 1]

    def unpacked(self, position: int) -> Map:
        """The map of an image, in the size that it has in the data set."""
        first, end = self.starts[position : position + 2].tolist()
        height, width = self.sizes[position].tolist()
        pixels = zlib.decompress(self.packed[first:end].numpy().data)
        return np.frombuffer(pixels, np.uint8).reshape(height, width)

    def plane(self, position: int, size: Size) -> Map:
        """As in `Annotations`: of each pixel of the kept image the class of the nearest one, `VOID` beside it."""
        height, width = self.inside[position].tolist()
        own = self.unpacked(position)
        rows, columns = nearest(own.shape[0], height), nearest(own.shape[1], width)
        kept = np.full(size, VOID, np.uint8)
        kept[:height, :width] = own[rows[:, None], columns]
        return kept

    def take(self, index: Tensor) -> ClassMaps:
        """As in `Annotations`; of images that follow one another the packed maps are not copied."""
        starts, ends = self.starts[index], self.starts[index + 1]
        if len(index) and torch.equal(index, torch.arange(int(index[0]), int(index[0]) + len(index))):
            packed = self.packed[starts[0] : ends[-1]]
        else:
            parts = [self.packed[first:end] for first, end in zip(starts, ends, strict=True)]
            packed = torch.cat([*parts, self.packed[:0]])
        return replace(
            self,
            packed=packed,
            starts=starts_of(ends - starts),
            sizes=self.sizes[index],
            inside=self.inside[index],
            counts=self.counts[index],
            digests=self.digests[index],
        )

    def chosen(self, wanted: Sequence[str]) -> tuple[Tensor, ClassMaps]:
        """As in `Annotations`: all images stay, and the pixels of other classes are ignored."""
        numbers = class_numbers(self.class_names, wanted)
        table = np.full(VOID + 1, VOID, np.uint8)
        table[: len(numbers)] = np.where(numbers < 0, VOID, numbers.numpy())
        maps = (table[self.unpacked(i)] for i in range(len(self)))
        return torch.arange(len(self)), replace(
            ClassMaps.of(maps, wanted_classes(self.class_names, wanted)), inside=self.inside
        )

    @classmethod
    def joined(cls, parts: Sequence[ClassMaps]) -> ClassMaps:
        """As in `Annotations`."""
        together: dict[str, Any] = {
            name: torch.cat([getattr(part, name) for part in parts])
            for name in ("packed", "sizes", "inside", "counts", "digests")
        }
        lengths = torch.cat([part.starts.diff() for part in parts])
        return replace(parts[0], starts=starts_of(lengths), **together)

    def to(self, device: torch.device | str) -> ClassMaps:
        """As in `Annotations`: sizes go there; maps are unpacked on the host."""
        return replace(self, sizes=self.sizes.to(device), inside=self.inside.to(device))

    @property
    def own_sizes(self) -> Tensor:
        """As in `Annotations`."""
        return self.sizes

    def resized(self, size: Size) -> ClassMaps:
        """As in `Annotations`: images lie in the top left corners."""
        inside = torch.tensor([inside_size(h, w, size) for h, w in self.sizes.tolist()], dtype=torch.int64).view(-1, 2)
        return replace(self, inside=inside)

    def present(self) -> Tensor:
        """As in `Annotations`."""
        return self.counts > 0

    def hashed(self) -> Iterator[bytes | Tensor]:
        """As in `Annotations`: of the maps' pixels, however they are packed."""
        yield from (self.sizes, self.digests)
