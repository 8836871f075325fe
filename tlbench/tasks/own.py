"""A loss and metrics of the user's own, in place of a task's and beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from tlbench.config import TrainConfig
from tlbench.errors import ConfigError
from tlbench.system.exceptions import in_a_few_words
from tlbench.trust.names import CodeName, own_code, own_codes
from tlbench.trust.own import own

_A_LOSS = "let it return what is called with outputs and targets"


class OwnLoss:
    """A loss of the user's own: called with the network's outputs and the targets, as the task's; a mean over images.

    Its tensors (weights of classes, say) follow the outputs' device, and are no part of checkpoints.

    Args:
        name: Its code.

    Raises:
        ConfigError: It cannot be built; it has parameters, which no optimizer would train.
    """

    def __init__(self, name: CodeName) -> None:
        self._key = f"{name.key}.import_path={name.import_path!r}"
        self._loss: Any = own(name, object, "loss")
        if not callable(self._loss):
            raise ConfigError(f"{self._key}: it gives a {type(self._loss).__name__}, which cannot be called; {_A_LOSS}")
        if isinstance(self._loss, nn.Module) and list(self._loss.parameters()):
            raise ConfigError(
                f"{self._key}: it has parameters ({', '.join(n for n, _ in self._loss.named_parameters())}), which no "
                "optimizer would train; make buffers of them, or a part of the network"
            )

    def __call__(self, outputs: Any, targets: Any, device: torch.device, *, trained: bool = False) -> Tensor:
        """The loss of a batch, a scalar.

        Args:
            outputs: The network's.
            targets: What they are compared with.
            device: Theirs.
            trained: Whether its gradients are to be taken.

        Raises:
            ConfigError: It fails, gives no scalar, or one that no gradients lead from.
        """
        if isinstance(self._loss, nn.Module):
            self._loss.to(device)
        try:
            loss = self._loss(outputs, targets)
        except Exception as error:
            raise ConfigError(f"{self._key}: computing it fails: {in_a_few_words(error)}; correct it") from error
        if not isinstance(loss, Tensor) or loss.ndim != 0:
            what = f"a tensor {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise ConfigError(f"{self._key}: it gives {what}, no scalar; let it return the mean over a batch's images")
        if trained and not loss.requires_grad:
            raise ConfigError(
                f"{self._key}: no gradients lead from it to the outputs; compute it from them with torch's operations, "
                "without detach, item or argmax"
            )
        return loss


def own_loss(config: TrainConfig) -> OwnLoss | None:
    """The loss that a configuration names; None: the task's own.

    Raises:
        ConfigError: As `OwnLoss`.
    """
    name = own_code(config.loss, "loss")
    return None if name is None else OwnLoss(name)


class OwnMetrics(nn.Module):
    """The metrics that a configuration names; there may be none.

    Args:
        config: The run's configuration.

    Raises:
        ConfigError: One cannot be built, or is no `torchmetrics.Metric`.
    """

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        names = own_codes(config.metrics, "metrics")
        self.names = tuple(names)
        self.metrics = nn.ModuleList(own(code, Metric, "torchmetrics.Metric") for code in names.values())

    def update(self, found: Any, targets: Any) -> None:
        """Add a batch: what the task's own metrics get.

        Raises:
            ConfigError: One fails.
        """
        for name, metric in self._each():
            try:
                metric.update(found, targets)
            except Exception as error:
                raise _failed(name, error) from error

    def compute(self) -> dict[str, Tensor]:
        """The user's name → value, a scalar.

        Raises:
            ConfigError: One fails, or gives no scalar.
        """
        values = {}
        for name, metric in self._each():
            try:
                value = metric.compute()
            except Exception as error:
                raise _failed(name, error) from error
            if not isinstance(value, Tensor) or value.numel() != 1:
                raise ConfigError(f"metrics.{name}: it gives {_described(value)}, no scalar; let it give one number")
            values[name] = value.reshape(())
        return values

    def of_validation(self, monitor: str, epoch: str) -> dict[str, Tensor]:
        """`val/<name>` → value, float32.

        Args:
            monitor: What chooses the best epoch.
            epoch: Which this is, for the message.

        Raises:
            ConfigError: As `compute`; or the one that monitors is not finite.
        """
        values = {f"val/{name}": value.float() for name, value in self.compute().items()}
        if monitor in values and not values[monitor].isfinite():
            raise ConfigError(
                f"callbacks.monitor={monitor}: it is {float(values[monitor])} in validation of {epoch}, by which no "
                "epoch can be chosen; let the metric give a number always, or monitor another"
            )
        return values

    def reset(self) -> None:
        """Forget all batches."""
        for _, metric in self._each():
            metric.reset()

    def _each(self) -> Iterator[tuple[str, Metric]]:
        for name, metric in zip(self.names, self.metrics, strict=True):
            assert isinstance(metric, Metric)
            yield name, metric


def _failed(name: str, error: Exception) -> ConfigError:
    return ConfigError(f"metrics.{name}: computing it fails: {in_a_few_words(error)}; correct it")


def _described(value: Any) -> str:
    return f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
