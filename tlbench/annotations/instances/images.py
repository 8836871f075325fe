"""The images of a split with their boxes: decoded in memory, or on disk and decoded in each epoch."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.annotations.instances.crowds import Crowds
from tlbench.annotations.instances.listing import BoxListing
from tlbench.annotations.instances.ragged import objects_of
from tlbench.data.decode import WHOLE, WHOLE_FILES, Decoding, Fit, UnreadableError, decode_square
from tlbench.data.file_digests import read_unchanged
from tlbench.data.listing import Files
from tlbench.data.unchanged import no_more_readable, ranges_of
from tlbench.geometry.fits import inside_size

if TYPE_CHECKING:
    from typing_extensions import Self  # typing's from Python 3.11 on


THUMBNAIL = 64
"""Side in pixels to which images are brought for the audit."""


@dataclass(frozen=True, eq=False)
class BoxSplit(ABC):
    """N images with M objects, each image brought to a longer side of S pixels.

    Args:
        names: What each image is called, for the user.
        sizes: (N, 2) int64, height and width of the images as they are in the data set, pixels.
        inside: (N, 2) int64, height and width once the longer side is S.
        boxes: (M, 4) float32, `x1 y1 x2 y2` in pixels of the resized image.
        labels: (M,) int64, positions in `class_names`.
        starts: (N + 1,) int64: the objects of image i are those at `starts[i]` up to `starts[i + 1]`.
        class_names: C names.
        side: S.
        digests: (N, 16) uint8, equal where images are.
        thumbnails: (N, 3, h, h) uint8, the images in small, for the audit.
        listing: The files and their labels as they were read; None where images are drawn.
        how: What their pixels depend on, beside side and fit.
        crowds: Regions of crowds, boxes as those of objects; None where the labels have none.
    """

    names: tuple[str, ...]
    sizes: Tensor
    inside: Tensor
    boxes: Tensor
    labels: Tensor
    starts: Tensor
    class_names: tuple[str, ...]
    side: int
    digests: NDArray[np.uint8]
    thumbnails: Tensor
    listing: BoxListing | None
    how: Decoding = field(default=WHOLE_FILES, kw_only=True)
    crowds: Crowds | None = field(default=None, kw_only=True)

    @property
    def on_disk(self) -> bool:
        """Whether images are decoded in each epoch."""
        return isinstance(self, BoxFiles)

    def __len__(self) -> int:
        return len(self.names)

    @abstractmethod
    def pictures(self, index: Tensor) -> Tensor:
        """(M, 3, S, S) uint8, each in the top left corner, for (M,) positions."""

    def objects(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The objects of some images, as `BoxListing.objects`."""
        return objects_of(self.starts, index)

    def to(self, device: torch.device | str) -> Self:
        """What batches are made of, on a device."""
        moved = {name: getattr(self, name).to(device) for name in self._needed}
        return replace(self, **moved, crowds=None if self.crowds is None else self.crowds.to(device))

    @property
    def _needed(self) -> tuple[str, ...]:
        """The fields that batches are made of."""
        return ("sizes", "inside", "boxes", "labels", "starts")

    def fingerprint(self) -> str:
        """SHA-256 (hex) over the images' contents, side, boxes, labels, class names; and ranges and crowds, if any."""
        header = [len(self), self.side, list(self.class_names), *ranges_of(self.how)]
        digest = hashlib.sha256(json.dumps(header).encode())
        digest.update(np.ascontiguousarray(self.digests).data)
        for tensor in (self.sizes, self.boxes, self.labels, self.starts):
            digest.update(tensor.cpu().contiguous().numpy().data)
        if self.crowds is not None and len(self.crowds):
            digest.update(b"crowds")
            for tensor in (self.crowds.boxes, self.crowds.labels, self.crowds.starts):
                digest.update(tensor.cpu().contiguous().numpy().data)
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class BoxFiles(BoxSplit):
    """Images on disk, too large for the memory; `listing` is there.

    Args:
        fit: How each is brought to its square.
    """

    fit: Fit

    @property
    def files(self) -> Files:
        """Where they are."""
        assert self.listing is not None
        return self.listing

    def pictures(self, index: Tensor) -> Tensor:
        """Some images, decoded here and now: (K, 3, S, S) uint8 as those of `BoxImages`, for (K,) positions.

        Raises:
            DataError: A file cannot be decoded any more, or has changed.
        """
        images = np.empty((len(index), 3, self.side, self.side), np.uint8)
        for row, i in enumerate(index.tolist()):
            try:
                images[row] = decode_corner(self.files, i, self.digests[i], self.side, self.fit, self.how)
            except UnreadableError as error:
                raise no_more_readable(self.files, i, error) from None
        return torch.from_numpy(images)


@dataclass(frozen=True, eq=False)
class BoxImages(BoxSplit):
    """Images in memory, on one device.

    Args:
        images: (N, 3, S, S) uint8, RGB: each in the top left corner, `fits.GREY` beside it.
    """

    images: Tensor

    @property
    def _needed(self) -> tuple[str, ...]:
        return ("images", *super()._needed)

    def pictures(self, index: Tensor) -> Tensor:
        """(M, 3, S, S) uint8, for (M,) positions."""
        return self.images[index]


def decode_corner(
    files: Files, position: int, digest: NDArray[np.uint8], side: int, fit: Fit, how: Decoding
) -> NDArray[np.uint8]:
    """(3, side, side) uint8: a listed image in the top left corner of a square, its longer side the square's.

    `fit` is one of the corners.

    Raises:
        UnreadableError: The file cannot be read or decoded, or has another digest by now.
    """
    content = read_unchanged(files, position, digest, how.limit)
    return decode_square(content, side, fit, WHOLE, how).transpose(2, 0, 1)


def in_resized(listing: BoxListing, side: int) -> tuple[Tensor, Tensor, Crowds | None]:
    """Sizes (N, 2) int64 of a listing's images once their longer side is `side`; boxes (M, 4) and crowds in them."""
    inside = torch.tensor([inside_size(h, w, side) for h, w in listing.sizes.tolist()], dtype=torch.int64).view(-1, 2)
    factor = (inside.double() / listing.sizes).flip(1)
    boxes, crowds = _resized(listing.boxes, listing.starts, factor), listing.crowds
    if crowds is not None:
        crowds = replace(crowds, boxes=_resized(crowds.boxes, crowds.starts, factor))
    return inside, boxes, crowds


def thumbnails_of(images: torch.Tensor) -> torch.Tensor:
    """(N, 3, S, S) uint8 in small, the audit's view of them."""
    small = [torch.nn.functional.adaptive_avg_pool2d(part.float(), THUMBNAIL) for part in torch.split(images, 64)]
    return torch.cat(small).round().to(torch.uint8) if small else images


def _resized(boxes: Tensor, starts: Tensor, factor: Tensor) -> Tensor:
    image = torch.repeat_interleave(torch.arange(len(factor)), starts.diff())
    return (boxes.double().view(-1, 2, 2) * factor[image][:, None]).view(-1, 4).float()
