"""A split: images in memory, or files that are decoded in each epoch, with what is known of them."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.config.data import Fit
from tlbench.config.size import Size, as_written
from tlbench.data.annotations import Annotations
from tlbench.data.decode import WHOLE_FILES, Decoding, decode_fitted
from tlbench.data.file_digests import no_more_readable, read_unchanged
from tlbench.data.fitting import WHOLE, Region
from tlbench.data.listing import A, FileNames, Files, Listing, taken
from tlbench.data.unreadable import UnreadableError

if TYPE_CHECKING:
    from typing_extensions import Self  # typing's from Python 3.11 on


class Samples(ABC, Generic[A]):
    """N images of one size with their annotations, which are in the pixels of these."""

    annotations: A

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class, in the order of the labels."""
        return self.annotations.class_names

    @property
    def labels(self) -> Tensor:
        """As in `Annotations`."""
        return self.annotations.labels

    def __len__(self) -> int:
        return len(self.annotations)

    @property
    @abstractmethod
    def on_disk(self) -> bool:
        """Whether images are decoded in each epoch."""

    if TYPE_CHECKING:  # a field of one, which Python would take for missing

        @property
        def size(self) -> Size:
            """Height and width of the images, pixels."""

        @property
        def names(self) -> tuple[str, ...] | None:
            """What each image is called, for the user; None: it has no name but its position."""

        @property
        def listing(self) -> Listing[A] | None:
            """The files, with their annotations in pixels of the files; None where it is not kept."""

        @property
        def digests(self) -> NDArray[np.uint8] | None:
            """(N, 16) uint8, equal where images are; None: their pixels are compared."""

        @property
        def thumbnails(self) -> Tensor | None:
            """(N, 3, h, w) uint8, the images in small; None: they are small themselves."""

    @abstractmethod
    def pictures(self, index: Tensor) -> Tensor:
        """Some images as they are kept: (M, 3, H, W) uint8, for (M,) positions on the CPU.

        Raises:
            DataError: A file cannot be decoded any more, or has changed.
        """

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """What batches are made of, on a device; nothing is copied where it is there already. Files stay files."""

    @abstractmethod
    def take(self, index: Tensor) -> Self:
        """The samples at (M,) int64 positions, in that order."""

    @abstractmethod
    def chosen(self, wanted: Sequence[str]) -> Self:
        """The samples that some classes leave, as `Annotations.chosen`.

        Raises:
            DataError: A class does not exist.
        """

    @abstractmethod
    def _hashed(self) -> tuple[list[Any], NDArray[np.uint8]]:
        """What says how the images came about, of JSON types; and what they hold."""

    def fingerprint(self) -> str:
        """SHA-256 (hex) over images, class names and annotations; the same on every device."""
        header, content = self._hashed()
        digest = hashlib.sha256(json.dumps(header).encode())
        digest.update(np.ascontiguousarray(content).data)
        for part in self.annotations.hashed():
            digest.update(part if isinstance(part, bytes) else part.cpu().contiguous().numpy().data)
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class MemorySamples(Samples[A]):
    """Images in memory, on one device.

    Args:
        images: (N, 3, H, W) uint8, RGB.
        annotations: Of the N images.
        names: What each image is called, for the user; None: it has no name but its position.
        digests: (N, 16) uint8, equal where images are; None: their pixels are compared.
        thumbnails: (N, 3, h, w) uint8, the images in small; None: they are small themselves.
        listing: The files, with their annotations in pixels of the files; None where it is not kept, or there are none.
        how: What the pixels of files depend on.
    """

    images: Tensor
    annotations: A
    names: tuple[str, ...] | None = None
    digests: NDArray[np.uint8] | None = None
    thumbnails: Tensor | None = None
    listing: Listing[A] | None = None
    how: Decoding = WHOLE_FILES

    @property
    def on_disk(self) -> bool:
        """No."""
        return False

    @property
    def size(self) -> Size:
        """As in `Samples`."""
        height, width = self.images.shape[2:]
        return height, width

    def pictures(self, index: Tensor) -> Tensor:
        """As in `Samples`."""
        return self.images[index]

    def to(self, device: torch.device | str) -> MemorySamples[A]:
        """As in `Samples`."""
        return replace(self, images=self.images.to(device), annotations=self.annotations.to(device))

    def take(self, index: Tensor) -> MemorySamples[A]:
        """As in `Samples`."""
        return MemorySamples(
            self.images[index],
            self.annotations.take(index),
            None if self.names is None else tuple(self.names[i] for i in index.tolist()),
            None if self.digests is None else self.digests[index.numpy()],
            None if self.thumbnails is None else self.thumbnails[index],
            None if self.listing is None else self.listing.take(index),
            self.how,
        )

    def chosen(self, wanted: Sequence[str]) -> MemorySamples[A]:
        """As in `Samples`."""
        kept, annotations = self.annotations.chosen(wanted)
        some = taken(self, kept)
        if some.listing is not None:
            some = replace(some, listing=some.listing.under(some.listing.annotations.chosen(wanted)[1]))
        return replace(some, annotations=annotations)

    def _hashed(self) -> tuple[list[Any], NDArray[np.uint8]]:
        if self.digests is None:
            return [list(self.images.shape), list(self.class_names)], self.images.cpu().numpy()
        return [len(self), as_written(self.size), list(self.class_names), *_ranges(self.how)], self.digests


@dataclass(frozen=True, eq=False)
class FileSamples(Samples[A]):
    """Images on disk, too large for the memory.

    Args:
        listing: N files, with their annotations in pixels of the files.
        annotations: Of the images of one size that the files are brought to.
        size: Height and width of these, pixels.
        fit: How a file becomes one.
        thumbnails: (N, 3, h, w) uint8, the same in small.
        digests: (N, 16) uint8, BLAKE2b of each file's bytes; a file that has others by now is not taken for it.
        how: What else their pixels depend on.
    """

    listing: Listing[A]
    annotations: A
    size: Size
    fit: Fit
    thumbnails: Tensor
    digests: NDArray[np.uint8]
    how: Decoding = WHOLE_FILES

    @property
    def names(self) -> tuple[str, ...]:
        """Each file's path below the root."""
        return self.listing.names

    @property
    def on_disk(self) -> bool:
        """Yes."""
        return True

    def pictures(self, index: Tensor) -> Tensor:
        """As in `Samples`, decoded here and now."""
        images = np.empty((len(index), 3, *self.size), np.uint8)
        for row, i in enumerate(index.tolist()):
            try:
                images[row] = self.decoding().pixels(i, self.size)
            except UnreadableError as error:
                raise no_more_readable(self.listing, i, error) from None
        return torch.from_numpy(images)

    def decoding(self) -> FileDecoding:
        """How one file after another is decoded."""
        planes = self.annotations if self.annotations.has_planes else None
        files = FileNames(self.listing.root, self.names)
        return FileDecoding(files, self.digests, self.size, self.fit, self.how, planes)

    def to(self, device: torch.device | str) -> FileSamples[A]:
        """As in `Samples`."""
        return replace(self, annotations=self.annotations.to(device))

    def take(self, index: Tensor) -> FileSamples[A]:
        """As in `Samples`."""
        return replace(
            self,
            listing=self.listing.take(index),
            annotations=self.annotations.take(index),
            thumbnails=self.thumbnails[index],
            digests=self.digests[index.numpy()],
        )

    def chosen(self, wanted: Sequence[str]) -> FileSamples[A]:
        """As in `Samples`."""
        kept, annotations = self.annotations.chosen(wanted)
        some = taken(self, kept)
        listing = some.listing.under(some.listing.annotations.chosen(wanted)[1])
        return replace(some, annotations=annotations, listing=listing)

    def _hashed(self) -> tuple[list[Any], NDArray[np.uint8]]:
        fit = [] if self.annotations.by_file else [self.fit]
        return [len(self), as_written(self.size), *fit, list(self.class_names), *_ranges(self.how)], self.digests


@dataclass(frozen=True, eq=False)
class FileDecoding:
    """Decodes files of which the bytes must be what they were.

    Args:
        files: N of them.
        digests: (N, 16) uint8, BLAKE2b of each file's bytes.
        shape: A size of the shape that files take.
        fit: How they do.
        how: What else its pixels depend on.
    """

    files: Files
    digests: NDArray[np.uint8]
    shape: Size
    fit: Fit
    how: Decoding
    planes: Annotations | None = None

    def __len__(self) -> int:
        return len(self.files)

    def pixels(self, position: int, size: Size, region: Region = WHOLE) -> NDArray[np.uint8]:
        """(3, height, width) uint8: a file, or a part of what is taken of it, in this size.

        Raises:
            UnreadableError: The file cannot be read or decoded, or has another digest by now.
        """
        content = read_unchanged(self.files, position, self.digests[position], self.how.limit)
        return decode_fitted(content, size, self.fit, region, self.how, self.shape).transpose(2, 0, 1)


def _ranges(how: Decoding) -> list[Any]:
    """The ranges as a part of a fingerprint's header; nothing where no image has more than 8 bits."""
    return [sorted((container, *ends) for container, ends in how.ranges.items())] if how.ranges else []
