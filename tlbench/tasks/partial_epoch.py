"""Losses and metrics of an epoch that is not over, in a checkpoint made in its middle."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torchmetrics import Metric

from tlbench.metrics.finite_outputs import FiniteOutputs
from tlbench.processes.exchange import gather_objects

KEY = "partial_epoch"


class Collects(Protocol):
    """A task, as far as it collects losses and metrics of an epoch; see `tlbench.tasks.base.Task`."""

    train_metrics: Metric | None
    train_losses: list[Tensor]
    train_outputs: FiniteOutputs

    @property
    def global_rank(self) -> int:
        """The process."""


def save_partial_epoch(task: Collects, checkpoint: dict[str, Any]) -> None:
    """Put what each process has collected since the epoch's beginning into a checkpoint; called on all processes."""
    metrics = task.train_metrics
    own = {
        "losses": torch.stack(task.train_losses).cpu() if task.train_losses else torch.zeros(0),
        "metrics": {} if metrics is None else _state(metrics),
        "updates": 0 if metrics is None else metrics._update_count,
        "outputs": _state(task.train_outputs),
    }
    checkpoint[KEY] = gather_objects(own)


def restore_partial_epoch(task: Collects, checkpoint: dict[str, Any]) -> None:
    """Take up what this process had collected; the configuration, and so the number of processes, is the same."""
    processes = checkpoint.get(KEY)
    if not processes:
        return
    own = processes[task.global_rank]
    task.train_losses = list(own["losses"])
    if task.train_metrics is not None:
        _restore(task.train_metrics, own["metrics"], own["updates"])
    if "outputs" in own:  # not in checkpoints of earlier versions
        _restore(task.train_outputs, own["outputs"], len(own["losses"]))


def _state(metric: Metric) -> dict[str, Tensor]:
    return {name: getattr(metric, name).detach().cpu().clone() for name in metric._defaults}


def _restore(metric: Metric, state: dict[str, Tensor], updates: int) -> None:
    for name, value in state.items():
        setattr(metric, name, value.to(metric.device))
    metric._update_count = updates
    metric._computed = None
