"""Batches of images that workers decode from their files in each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from tlbench.config.size import Size
from tlbench.data.file_digests import no_more_readable
from tlbench.data.fitting import Region
from tlbench.data.samples import FileDecoding, FileSamples
from tlbench.data.unreadable import UnreadableError
from tlbench.data.workers import DecodingLoader
from tlbench.errors import DataError


class Decoded(NamedTuple):
    """The files that a batch of B samples shows, each decoded once.

    Args:
        images: (K, 3, H, W) uint8.
        rows: (B, T) int64, which of the K each of a sample's tiles is; its own image where there is none.
        samples: (B,) int64, their positions in the split.
        planes: (K, H, W) uint8, what annotations know of each pixel; None of annotations that do not.
    """

    images: Tensor
    rows: Tensor
    samples: Tensor
    planes: Tensor | None = None


class Shown(Protocol):
    """What samples show in an epoch, as a function of it and of their positions; fit to be pickled."""

    def __call__(self, epoch: int, index: Tensor) -> tuple[Tensor, Sequence[Region] | None]:
        """Draw it.

        Args:
            epoch: Epoch, ≥ 0.
            index: (B,) int64, positions.

        Returns:
            (B, T) int64, positions of the images in each sample, its own first, -1: none; and of T = 1 the part of each
            stored image, None: the whole.
        """


class WorkerLoader(DecodingLoader):
    """Iterate over `Decoded`, on the host.

    What a sample shows is drawn where it is decoded; the device draws the same again, and more, to make the sample of
    it. K is up to T · B: a batch of mosaics has up to 12 · B · H · W bytes (79 MB for 16 samples of 640 by 640 pixels),
    and each worker works ahead by two of them, in shared memory.

    Args:
        split: Images on disk.
        batch_size: As in `OrderedLoader`.
        size: Height and width of the decoded images, pixels; None: the split's.
        shown: What samples show; None: each its own image alone, as a whole.
        options: As in `DecodingLoader`.

    Raises:
        DataError: As `DecodingLoader`.
    """

    def __init__(
        self,
        split: FileSamples[Any],
        batch_size: int,
        *,
        size: Size | None = None,
        shown: Shown | None = None,
        **options: Any,
    ) -> None:
        super().__init__(_Decoding(split.decoding(), size or split.size, shown), batch_size, **options)


class _Decoding:
    """Decodes the files that a batch shows."""

    def __init__(self, files: FileDecoding, size: Size, shown: Shown | None) -> None:
        self._files, self._size, self._shown = files, size, shown

    def __len__(self) -> int:
        return len(self._files)

    def __getitems__(self, task: tuple[int, Tensor]) -> Decoded | DataError:
        epoch, index = task
        tiles, regions = (index[:, None], None) if self._shown is None else self._shown(epoch, index)
        needed, rows = index, torch.arange(len(index))[:, None]
        if tiles.shape[1] > 1:
            needed, rows = torch.unique(tiles.where(tiles >= 0, index[:, None]), return_inverse=True)
        images = np.empty((len(needed), 3, *self._size), np.uint8)
        for row, i in enumerate(needed.tolist()):
            try:
                images[row] = self._files.pixels(i, self._size, *(regions[row : row + 1] if regions else ()))
            except UnreadableError as error:
                return no_more_readable(self._files.files, i, error)  # raised there, without a worker's traceback
        known, planes = self._files.planes, None
        if known is not None:
            planes = torch.from_numpy(np.stack([known.plane(i, self._size) for i in needed.tolist()]))
        return Decoded(torch.from_numpy(images), rows, index, planes)
