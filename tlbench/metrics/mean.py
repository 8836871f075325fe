"""The mean of a value over all samples, also over several processes."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class SampleMean(Metric):
    """Mean over samples of values that come as batch means; NaN without any. Nothing here waits for the device.

    Args:
        shape: Of each value; a scalar by default.
    """

    full_state_update = False
    is_differentiable = False

    total: Tensor
    count: Tensor

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(shape), "sum")
        self.add_state("count", torch.zeros(()), "sum")

    def update(self, mean: Tensor, samples: int) -> None:
        """Add the mean, of the value's shape, of a batch of so many samples."""
        self.total = self.total + mean.detach().float() * samples
        self.count = self.count + samples

    def compute(self) -> Tensor:
        """The mean, float32, of the value's shape."""
        return self.total / self.count
