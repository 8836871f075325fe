"""The images of a split: decoded in memory, or on disk and decoded in each epoch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.data.decode import WHOLE, WHOLE_FILES, Decoding, Fit, UnreadableError, decode_square
from tlbench.data.file_digests import read_unchanged
from tlbench.data.listing import Listing
from tlbench.data.unchanged import no_more_readable, ranges_of


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one size with their labels, on one device.

    Args:
        images: (N, 3, H, W) uint8, RGB.
        labels: (N,) int64, positions in `class_names`.
        class_names: One name a class.
        names: What each image is called, for the user; None: it has no name but its position.
    """

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    names: tuple[str, ...] | None = None

    @property
    def on_disk(self) -> bool:
        """No."""
        return False

    def __len__(self) -> int:
        return len(self.labels)

    def pictures(self, index: Tensor) -> Tensor:
        """(M, 3, H, W) uint8, for (M,) positions."""
        return self.images[index]

    def to(self, device: torch.device | str) -> ImageSet:
        """The same images on a device; nothing is copied where they are there already."""
        return ImageSet(self.images.to(device), self.labels.to(device), self.class_names, self.names)

    def take(self, index: Tensor) -> ImageSet:
        """The images at (M,) int64 positions, in that order."""
        names = None if self.names is None else tuple(self.names[i] for i in index.tolist())
        return ImageSet(self.images[index], self.labels[index], self.class_names, names)

    def relabelled(self, labels: Tensor, class_names: tuple[str, ...]) -> ImageSet:
        """The same images under other labels."""
        return ImageSet(self.images, labels, class_names, self.names)

    def fingerprint(self) -> str:
        """SHA-256 (hex) over shape, pixels, labels and class names; the same on every device."""
        header = json.dumps([list(self.images.shape), list(self.class_names)])
        digest = hashlib.sha256(header.encode())
        digest.update(self.images.cpu().contiguous().numpy().data)
        digest.update(self.labels.cpu().contiguous().numpy().astype("<i8", copy=False).data)
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class FileSet:
    """Images on disk, too large for the memory.

    Args:
        listing: N files and their labels.
        side: Height and width of the square that each is brought to, pixels.
        fit: How it becomes a square.
        thumbnails: (N, 3, h, h) uint8, the same squares in small.
        digests: (N, 16) uint8, BLAKE2b of each file's bytes; a file that has others by now is not taken for it.
        how: What else their pixels depend on.
    """

    listing: Listing
    side: int
    fit: Fit
    thumbnails: Tensor
    digests: NDArray[np.uint8]
    how: Decoding = WHOLE_FILES

    @property
    def labels(self) -> Tensor:
        """(N,) int64, positions in `class_names`."""
        return self.listing.labels

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class."""
        return self.listing.class_names

    @property
    def names(self) -> tuple[str, ...]:
        """Each file's path below the root."""
        return self.listing.names

    @property
    def on_disk(self) -> bool:
        """Yes."""
        return True

    def __len__(self) -> int:
        return len(self.listing)

    def to(self, _device: torch.device | str) -> FileSet:
        """Itself: labels come with the images that are decoded."""
        return self

    def pictures(self, index: Tensor) -> Tensor:
        """(M, 3, side, side) uint8, for (M,) positions, decoded here and now.

        Raises:
            DataError: As `decoded`.
        """
        return self.take(index).decoded().images

    def take(self, index: Tensor) -> FileSet:
        """The files at (M,) int64 positions, in that order."""
        listing, digests = self.listing.take(index), self.digests[index.numpy()]
        return replace(self, listing=listing, thumbnails=self.thumbnails[index], digests=digests)

    def relabelled(self, labels: Tensor, class_names: tuple[str, ...]) -> FileSet:
        """The same files under other labels."""
        return replace(self, listing=Listing(self.listing.root, self.names, labels, class_names))

    def decoded(self) -> ImageSet:
        """All images, decoded here and now.

        Raises:
            DataError: A file cannot be decoded any more, or has changed.
        """
        images = np.zeros((len(self), 3, self.side, self.side), np.uint8)
        for i in range(len(self)):
            try:
                content = read_unchanged(self.listing, i, self.digests[i], self.how.limit)
                images[i] = decode_square(content, self.side, self.fit, WHOLE, self.how).transpose(2, 0, 1)
            except UnreadableError as error:
                raise no_more_readable(self.listing, i, error) from None
        return ImageSet(torch.from_numpy(images), self.labels, self.class_names, self.names)

    def fingerprint(self) -> str:
        """SHA-256 (hex) over size, fit, the files' contents, labels, class names and pixel ranges, if any."""
        header = [len(self), self.side, self.fit, list(self.class_names), *ranges_of(self.how)]
        digest = hashlib.sha256(json.dumps(header).encode())
        digest.update(np.ascontiguousarray(self.digests).data)
        digest.update(self.labels.numpy().astype("<i8", copy=False).tobytes())
        return digest.hexdigest()


Images = ImageSet | FileSet
