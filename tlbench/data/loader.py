"""Batches of an image set that lies on the device as a whole."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from tlbench.data.images import ImageSet
from tlbench.errors import DataError
from tlbench.seeds import permutation


class BatchLoader:
    """Iterate over (images (B, 3, H, W) uint8, labels (B,) int64, index (B,) int64), all on the set's device.

    The order of an epoch is a function of (order seed, epoch). Training drops the last, incomplete batch: BatchNorm
    never sees a batch of one, all steps weigh the same, and other images are left out in each epoch.

    Args:
        image_set: The images.
        batch_size: Images a batch, ≥ 1.
        order_seed: Seed of the order; None for the set's own order.
        drop_last: Whether the last, incomplete batch is left out.

    Raises:
        DataError: `drop_last` and fewer images than one batch.
    """

    def __init__(
        self, image_set: ImageSet, batch_size: int, *, order_seed: int | None = None, drop_last: bool = False
    ) -> None:
        if drop_last and len(image_set) < batch_size:
            raise DataError(
                f"data.batch_size={batch_size}: larger than the {len(image_set)} training images; use at most "
                f"{len(image_set)}, or more images (data.shots, data.fraction)"
            )
        self.image_set = image_set
        self.batch_size = batch_size
        self.order_seed = order_seed
        self.drop_last = drop_last
        self.epoch = 0
        if order_seed is not None:
            self.sampler = self  # Lightning calls `sampler.set_epoch` before each epoch, and looks into other samplers

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch whose order the next iteration takes."""
        self.epoch = epoch

    def __len__(self) -> int:
        full, rest = divmod(len(self.image_set), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        images, labels = self.image_set.images, self.image_set.labels
        if self.order_seed is None:
            order = torch.arange(len(labels), device=labels.device)
        else:
            order = permutation(len(labels), self.order_seed, self.epoch, labels.device)
        for batch in range(len(self)):
            index = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield images[index], labels[index], index
