"""Batches of images that workers decode from their files in each epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from tlbench.annotations.labels.config import ResizedCrop
from tlbench.annotations.labels.images import FileSet
from tlbench.data.decode import WHOLE, Region, UnreadableError, decode_square
from tlbench.data.file_digests import read_unchanged
from tlbench.data.loader import Batch
from tlbench.data.unchanged import no_more_readable
from tlbench.data.workers import DecodingLoader
from tlbench.errors import DataError
from tlbench.geometry.resized_crop import boxes

_UNITS = 1 << 16
"""Side of the square in which crops are drawn: finer than the pixels of any image."""


class WorkerLoader(DecodingLoader):
    """Iterate over (images (B, 3, side, side) uint8, labels (B,) int64, index (B,) int64), on the host.

    With a resized crop, each image's part is cut out of the file's full resolution; it is the part that the device
    path cuts out of the stored square.

    Args:
        files: The split.
        batch_size: As in `OrderedLoader`.
        side: Height and width of the images, pixels.
        crop: The resized crop to draw for each image; None: the whole square.
        augment_seed: Seed of the augmentation, for the crop.
        options: As in `DecodingLoader`.

    Raises:
        DataError: As `DecodingLoader`.
    """

    def __init__(
        self,
        files: FileSet,
        batch_size: int,
        *,
        side: int,
        crop: ResizedCrop | None = None,
        augment_seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(_Decoding(files, side, crop, augment_seed), batch_size, **options)


class _Decoding:
    """Decodes the images of a batch."""

    def __init__(self, files: FileSet, side: int, crop: ResizedCrop | None, seed: int) -> None:
        self._listing, self._fit = files.listing, files.fit
        self._digests, self._how = files.digests, files.how
        self._side, self._crop, self._seed = side, crop, seed

    def __len__(self) -> int:
        return len(self._listing)

    def __getitems__(self, task: tuple[int, Tensor]) -> Batch | DataError:
        epoch, index = task
        images = np.empty((len(index), 3, self._side, self._side), np.uint8)
        for row, (i, region) in enumerate(zip(index.tolist(), self._regions(epoch, index), strict=True)):
            try:
                content = read_unchanged(self._listing, i, self._digests[i], self._how.limit)
                square = decode_square(content, self._side, self._fit, region, self._how)
                images[row] = square.transpose(2, 0, 1)
            except UnreadableError as error:
                return no_more_readable(self._listing, i, error)  # raised there, without a worker's traceback
        return torch.from_numpy(images), self._listing.labels[index], index

    def _regions(self, epoch: int, index: Tensor) -> list[Region]:
        if self._crop is None:
            return [WHOLE] * len(index)
        drawn = boxes(self._crop, _UNITS, _UNITS, self._seed, epoch, index).double() / _UNITS
        return [(top, left, height, width) for top, left, height, width in drawn.tolist()]
