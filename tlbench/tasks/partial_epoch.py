"""Losses and metrics of an epoch that is not over, in a checkpoint made in its middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from tlbench.processes.exchange import gather_objects

if TYPE_CHECKING:
    from tlbench.tasks.base import Task

KEY = "partial_epoch"


def save_partial_epoch(task: Task, checkpoint: dict[str, Any]) -> None:
    """Put what each process has collected since the epoch's beginning into a checkpoint; called on all processes."""
    metrics = task.train_metrics
    own = {
        "losses": torch.stack(task.train_losses).cpu() if task.train_losses else torch.zeros(0),
        "metrics": {name: getattr(metrics, name).detach().cpu().clone() for name in metrics._defaults}
        if metrics is not None
        else {},
        "updates": metrics._update_count if metrics is not None else 0,
    }
    checkpoint[KEY] = gather_objects(own)


def restore_partial_epoch(task: Task, checkpoint: dict[str, Any]) -> None:
    """Take up what this process had collected; the configuration, and so the number of processes, is the same."""
    processes = checkpoint.get(KEY)
    if not processes:
        return
    own = processes[task.global_rank]
    task.train_losses = list(own["losses"])
    metrics = task.train_metrics
    if metrics is None:
        return
    for name, value in own["metrics"].items():
        setattr(metrics, name, value.to(metrics.device))
    metrics._update_count = own["updates"]
    metrics._computed = None
