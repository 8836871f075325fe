"""Batches of images with boxes whose files workers decode in each epoch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tlbench.annotations.instances.config import InstanceAugmentation
from tlbench.annotations.instances.images import BoxFiles, decode_corner
from tlbench.data.decode import UnreadableError
from tlbench.data.unchanged import no_more_readable
from tlbench.data.workers import DecodingLoader
from tlbench.errors import DataError
from tlbench.geometry.mosaic import draw


class Decoded(NamedTuple):
    """The files that a batch of B samples shows, each decoded once.

    Args:
        images: (K, 3, S, S) uint8, each in the top left corner.
        rows: (B, T) int64, which of the K each of a sample's tiles is; its own image where there is none
            (see `mosaic.Draws`).
        samples: (B,) int64, their positions in the split.
    """

    images: Tensor
    rows: Tensor
    samples: Tensor


class BoxWorkerLoader(DecodingLoader):
    """Iterate over `Decoded`, on the host.

    What a sample shows is drawn where it is decoded, as a function of seed, epoch and position; the device draws the
    same again, and more, to make the sample of it. With mosaics, K is up to 4 B: a batch has up to 12 · B · S² bytes
    (79 MB for 16 samples of 640 pixels), and each worker works ahead by two of them, in shared memory.

    Args:
        files: The split.
        batch_size: As in `OrderedLoader`.
        augmentation: That of training; None: each sample shows its own image alone.
        augment_seed: Seed of the augmentation.
        mosaic_epochs: How many epochs have mosaics, from the first on.
        options: As in `DecodingLoader`.

    Raises:
        DataError: As `DecodingLoader`.
    """

    def __init__(
        self,
        files: BoxFiles,
        batch_size: int,
        *,
        augmentation: InstanceAugmentation | None = None,
        augment_seed: int = 0,
        mosaic_epochs: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(_Decoding(files, augmentation, augment_seed, mosaic_epochs), batch_size, **options)


class _Decoding:
    """Decodes the files that a batch shows."""

    def __init__(
        self, files: BoxFiles, augmentation: InstanceAugmentation | None, seed: int, mosaic_epochs: int
    ) -> None:
        self._listing, self._side, self._fit = files.files, files.side, files.fit
        self._digests, self._how = files.digests, files.how
        self._augmentation, self._seed, self._mosaic_epochs = augmentation, seed, mosaic_epochs

    def __len__(self) -> int:
        return len(self._listing)

    def __getitems__(self, task: tuple[int, Tensor]) -> Decoded | DataError:
        epoch, index = task
        tiles = self._tiles(epoch, index)
        needed, rows = torch.unique(tiles.where(tiles >= 0, index[:, None]), return_inverse=True)
        images = np.empty((len(needed), 3, self._side, self._side), np.uint8)
        for row, i in enumerate(needed.tolist()):
            try:
                images[row] = decode_corner(self._listing, i, self._digests[i], self._side, self._fit, self._how)
            except UnreadableError as error:
                return no_more_readable(self._listing, i, error)  # raised there, without a worker's traceback
        return Decoded(torch.from_numpy(images), rows, index)

    def _tiles(self, epoch: int, index: Tensor) -> Tensor:
        """`Draws.tiles`."""
        if self._augmentation is None:
            return index[:, None]
        mosaic = epoch < self._mosaic_epochs
        draws = draw(self._augmentation, len(self), self._side, index, self._seed, epoch, mosaic=mosaic)
        return draws.tiles
