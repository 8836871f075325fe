"""Batches in an order that is a function of (order seed, epoch), of inputs that lie on the device as a whole."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from tlbench.errors import DataError
from tlbench.seeds import permutation

Batch = tuple[Tensor, Tensor, Tensor]
"""Inputs (B, …), labels (B,) int64, positions in the split (B,) int64."""


def check_batch_size(batch_size: int, images: int) -> None:
    """Refuse a training batch that the images do not fill.

    Raises:
        DataError: It does not.
    """
    if images < batch_size:
        raise DataError(
            f"data.batch_size={batch_size}: larger than the {images} training images; use at most {images}, or train "
            "on more images"
        )


class OrderedLoader(ABC):
    """Gives out the batches of a split by the positions of their samples.

    The order of an epoch is a function of (order seed, epoch). Training drops the last, incomplete batch: BatchNorm
    never sees a batch of one, all steps weigh the same, and other images are left out in each epoch.

    Of several processes, each gets its own part of every training batch, so that together they take the steps that one
    process would; of an evaluated split each gets every W-th sample, none twice.

    A checkpoint in the middle of an epoch holds the position (`state_dict`).

    Args:
        count: Samples, N.
        batch_size: Samples a batch, ≥ 1; with `drop_last` over all processes together, a multiple of `world_size`.
        order_seed: Seed of the order; None for the inputs' own order.
        drop_last: Whether the last, incomplete batch is left out.
        rank: This process, from 0.
        world_size: All processes.

    Raises:
        DataError: `drop_last` and fewer samples than one batch, or fewer samples than processes.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        *,
        order_seed: int | None = None,
        drop_last: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if drop_last:
            check_batch_size(batch_size, count)
        if count < world_size:
            raise DataError(
                f"trainer.devices={world_size}: more processes than the {count} images of a split; use at most "
                f"{count}, or more images (data.val_fraction, data.test_fraction)"
            )
        self.count = count
        self.batch_size = batch_size
        self.order_seed = order_seed
        self.drop_last = drop_last
        self.rank, self.world_size = rank, world_size
        self.epoch = 0
        self._first = self._position = 0

    @property
    def sampler(self) -> OrderedLoader:
        """Itself, as Lightning calls `sampler.set_epoch` before each epoch; none where the order is the inputs' own.

        It holds no reference to itself, so that what it keeps goes with the last reference to it.

        Raises:
            AttributeError: There is no order to set; Lightning looks into what samplers there are.
        """
        if self.order_seed is None:
            raise AttributeError("sampler")
        return self

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch whose order the next iteration takes."""
        self.epoch = epoch

    def state_dict(self) -> dict[str, Any]:
        """How many of the epoch's batches were given out; 0 between epochs."""
        return {"batch": self._position % len(self)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next iteration begin there."""
        self._first = self._position = state_dict["batch"]

    def __len__(self) -> int:
        if self.drop_last:
            return self.count // self.batch_size
        return math.ceil(len(range(self.rank, self.count, self.world_size)) / self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        first, self._first = self._first, 0
        for number, batch in enumerate(self._give(self.batches()[first:]), start=first + 1):
            self._position = number
            yield batch

    def batches(self, device: torch.device | str = "cpu") -> Sequence[Tensor]:
        """The positions of the samples in each of this process's batches, in this epoch."""
        order = (
            torch.arange(self.count, device=device)
            if self.order_seed is None
            else permutation(self.count, self.order_seed, self.epoch, device)
        )
        if not self.drop_last:
            return torch.split(order[self.rank :: self.world_size], self.batch_size)
        whole = order[: len(self) * self.batch_size].view(len(self), self.world_size, -1)
        return list(whole[:, self.rank])

    @abstractmethod
    def _give(self, batches: Sequence[Tensor]) -> Iterator[Any]:
        """The batches of these positions, in order."""


class PositionLoader(OrderedLoader):
    """Gives out (B,) int64 positions in a split alone, on its device: what they stand for lies there already.

    Args:
        count: As in `OrderedLoader`.
        batch_size: Likewise.
        device: Where the split lies.
        options: As in `OrderedLoader`.
    """

    def __init__(self, count: int, batch_size: int, device: torch.device, **options: Any) -> None:
        super().__init__(count, batch_size, **options)
        self.device = device

    def batches(self, device: torch.device | str | None = None) -> Sequence[Tensor]:
        """As in `OrderedLoader`, on the split's device."""
        return super().batches(self.device if device is None else device)

    def _give(self, batches: Sequence[Tensor]) -> Iterator[Any]:
        yield from batches


class FeatureLoader(OrderedLoader):
    """Batches of features that lie on one device.

    Args:
        inputs: (N, …) features.
        targets: (N, …), what the samples' outputs are compared with.
        batch_size: As in `OrderedLoader`.
        options: Likewise.

    Raises:
        DataError: As `OrderedLoader`.
    """

    def __init__(self, inputs: Tensor, targets: Tensor, batch_size: int, **options: Any) -> None:
        super().__init__(len(targets), batch_size, **options)
        self.inputs, self.targets = inputs, targets

    def batches(self, device: torch.device | str | None = None) -> Sequence[Tensor]:
        """As in `OrderedLoader`, on the inputs' device."""
        return super().batches(self.inputs.device if device is None else device)

    def _give(self, batches: Sequence[Tensor]) -> Iterator[Batch]:
        for index in batches:
            yield self.inputs[index], self.targets[index], index
