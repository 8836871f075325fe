"""How many images a network gave outputs for that are not finite: a diverged network must not pass for a result.

Metrics cannot show it: of NaN logits, argmax makes the first class, and NaN scores of boxes lie below every threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from tlbench.config import TrainConfig
from tlbench.errors import Failure
from tlbench.networks.outputs import not_finite
from tlbench.processes.exchange import is_distributed


class NonFiniteOutputs(Failure):
    """A network's outputs hold NaN or infinity.

    Args:
        message: One line: how many, whose, and what may help.
        positions: Of the images, from 0, where a caller gave them.
    """

    def __init__(self, message: str, positions: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.positions = tuple(positions)


class FiniteOutputs(Metric):
    """Counts images, and those whose outputs hold NaN or infinity; on the device, summed over processes.

    Only `compute` waits for other processes, and only who reads its values waits for the device.
    """

    full_state_update = False
    is_differentiable = False

    bad: Tensor
    images: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("bad", torch.zeros((), dtype=torch.int64), "sum")
        self.add_state("images", torch.zeros((), dtype=torch.int64), "sum")

    def update(self, outputs: Any, images: int) -> None:
        """Add a batch.

        Args:
            outputs: The network's, tensors however nested (see `not_finite`).
            images: In the batch.
        """
        self.bad = self.bad + not_finite(outputs, images).sum().to(self.bad.device)
        self.images = self.images + images

    def compute(self) -> Tensor:
        """(2,) int64: images whose outputs are not finite, and all images."""
        return torch.stack([self.bad, self.images])

    def problem(self, where: str) -> str | None:
        """What is wrong with the outputs since the last call, for a message; None where all are finite.

        To be called by all processes; waits for the device, once.

        Args:
            where: Whose they are, such as "validation in epoch 3 (counted from 1)".
        """
        if self._update_count == 0 and not is_distributed():
            return None
        bad, images = self.compute().tolist()
        self.reset()
        return _sentence(where, bad, images) if bad else None


def check_training(outputs: FiniteOutputs, where: str, network: nn.Module, config: TrainConfig) -> None:
    """Stop a run whose network gave outputs that are not finite.

    Args:
        outputs: What was counted.
        where: As for `FiniteOutputs.problem`.
        network: The network.
        config: The run's configuration.

    Raises:
        NonFiniteOutputs: One line: how many, where, and what may help.
    """
    problem = outputs.problem(where)
    if problem is not None:
        raise NonFiniteOutputs(f"{problem}{suspect(network)}; {_remedies(config)}")


def suspect(network: nn.Module) -> str:
    """The first tensor of a network that explains such outputs, in brackets; empty where all look sound."""
    for name, tensor in network.state_dict().items():
        if not tensor.is_floating_point():
            continue
        bad = int((~torch.isfinite(tensor)).sum())
        if bad:
            return f" (its tensor {name} has {bad} non-finite values of {tensor.numel()})"
        negative = int((tensor < 0).sum()) if name.rpartition(".")[2] == "running_var" else 0
        if negative:
            return f" (its tensor {name}, variances, has {negative} negative values of {tensor.numel()})"
    return ""


def _sentence(where: str, bad: int, images: int) -> str:
    return f"{where}: the network's outputs for {bad} of {images} images hold NaN or infinity"


def _remedies(config: TrainConfig) -> str:
    precision, decay = config.trainer.precision, config.callbacks.ema_decay
    return (
        f"try a lower optimizer.lr (now {config.optimizer.lr:g}), a longer optimizer.warmup_epochs, "
        f"{'' if precision == '32-true' else f'trainer.precision=32-true (now {precision}), '}"
        f"{'' if decay is None else f'callbacks.ema_decay=null (now {decay:g}: the average is what is validated), '}"
        "and check the source's weights, the inputs and their normalisation"
    )
