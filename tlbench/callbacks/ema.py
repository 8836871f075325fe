"""An exponential moving average of the weights, which is what is validated and saved."""

# ruff: noqa: ARG002 (hooks have Lightning's signatures)
from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from tlbench.processes.exchange import broadcast_buffers


class EMA(WeightAveraging):
    """Averages the weights after each optimizer step; validates, saves and ends training with the average.

    A full checkpoint holds the average as `state_dict` and the weights in training as `current_model_state`. For one
    with weights only, Lightning asks no callback: there, the task's `on_save_checkpoint` calls `save_average`.

    Put it before any callback that saves a checkpoint in the middle of an epoch: else that step is missing.

    Args:
        decay: Decay per step, in (0, 1), reached by a ramp (`ramped_decay`).
        tau: The ramp's time constant, in steps; None: the short ramp.
    """

    def __init__(self, decay: float, tau: float | None = None) -> None:
        super().__init__()
        self.decay = decay
        self.tau = tau
        self._stepped = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Start the average at the weights as they are, on the device that trains (they are moved there later)."""
        if stage == "fit":
            self._average_model = _Average(pl_module, self.decay, self.tau, trainer.strategy.root_device)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Forget the step before."""
        self._stepped = False

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Note that this batch ends with a step; those whose gradients wait for later ones do not."""
        self._stepped = True

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """After batches that end with a step."""
        return step_idx is not None and self._stepped

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Swap the average in.

        Buffers of the weights in training are broadcast before, those of the average by the task, when it is in place.
        """
        broadcast_buffers(pl_module)
        super().on_validation_epoch_start(trainer, pl_module)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Drop the average, so that no later validation or test of other weights swaps it in."""
        self._average_model = None

    def average(self) -> dict[str, Tensor]:
        """The averaged tensors under the task's names; nothing outside of a fit.

        They are the live ones: clone what is to be kept. During validation these are the weights in training, and the
        task holds the average.
        """
        return {} if self._average_model is None else self._average_model.module.state_dict()


def save_average(trainer: Trainer, checkpoint: dict[str, Any]) -> None:
    """Let a checkpoint with weights only hold the average; for a task's `on_save_checkpoint`, which is always called.

    Nothing changes where no EMA trains, nor in a full checkpoint, which EMA has seen to already.

    Args:
        trainer: The Trainer that saves.
        checkpoint: The checkpoint about to be written; its `state_dict` is replaced.
    """
    if "current_model_state" in checkpoint:
        return
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, EMA):
            checkpoint["state_dict"] = {**checkpoint["state_dict"], **callback.average()}


def ramped_decay(decay: float, step: int, tau: float | None = None) -> float:
    """The decay of an update: a short run is not ruled by its start.

    `min(decay, (1 + step) / (10 + step))`, or with a time constant `decay · (1 − exp(−(step + 1) / tau))`, which is
    ultralytics'.

    Args:
        decay: The decay in the long run.
        step: Updates before this one.
        tau: The time constant, in updates.
    """
    if tau is None:
        return min(decay, (1 + step) / (10 + step))
    return decay * (1 - math.exp(-(step + 1) / tau))


class _Average(AveragedModel):
    """Averages of a module's parameters and buffers; nothing here waits for the device."""

    def __init__(self, model: nn.Module, decay: float, tau: float | None, device: torch.device) -> None:
        super().__init__(_tensors_of(model, {}), device)
        self.decay, self.tau = decay, tau
        self.n_averaged = self.n_averaged.cpu()  # read at each step

    def update_parameters(self, model: nn.Module) -> None:
        """Set average ← current − d · (current − average), which leaves what is equal as it is, to the zero's sign.

        Integer buffers (BatchNorm's count of batches) take the current value.
        """
        averages, currents = _tensors(self.module), _tensors(model)
        pairs = list(zip(averages, currents, strict=True))
        floats = [(average, current) for average, current in pairs if average.is_floating_point()]
        for average, current in pairs:
            if not average.is_floating_point():
                average.copy_(current)
        average_list, current_list = [average for average, _ in floats], [current for _, current in floats]
        differences = torch._foreach_sub(current_list, average_list)
        torch._foreach_copy_(average_list, current_list)
        decay = ramped_decay(self.decay, int(self.n_averaged), self.tau)
        torch._foreach_add_(average_list, differences, alpha=-decay)
        self.n_averaged += 1


def _tensors(module: nn.Module) -> list[Tensor]:
    return [tensor.detach() for tensor in itertools.chain(module.parameters(), module.buffers())]


def _tensors_of(module: nn.Module, copies: dict[Tensor, nn.Parameter | Tensor]) -> nn.Module:
    """Bare modules with copies of the tensors, in the same places and order.

    A deep copy of the task would take along its metrics, hooks and whatever else it holds.
    """
    bare = nn.Module()
    for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
        kept = copies.setdefault(parameter, nn.Parameter(parameter.detach().clone(), requires_grad=False))
        bare.register_parameter(name, kept)  # type: ignore[arg-type]
    for name, buffer in module.named_buffers(recurse=False, remove_duplicate=False):
        persistent = name not in module._non_persistent_buffers_set
        bare.register_buffer(name, copies.setdefault(buffer, buffer.detach().clone()), persistent=persistent)
    for name, child in module._modules.items():
        if child is not None:
            bare.add_module(name, _tensors_of(child, copies))
    return bare
