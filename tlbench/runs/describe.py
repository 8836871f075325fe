"""What a run's record says of its network, its stages and its best checkpoint."""

from __future__ import annotations

from pathlib import Path

from tlbench.networks.network import Network
from tlbench.records.record import BestRecord, ModelRecord, StageRecord
from tlbench.runs.checkpoints import read_checkpoint
from tlbench.runs.trainer import TrainerParts
from tlbench.tasks.base import CHOSEN, MONITORED, Task


def describe_network(name: str, network: Network) -> ModelRecord:
    """The network and its layer groups."""
    sizes = {group: sum(p.numel() for p in network.group_parameters(group)) for group in network.groups}
    return ModelRecord(name=name, parameters=sum(sizes.values()), group_parameters=sizes)


def describe_stages(task: Task, parts: TrainerParts) -> list[StageRecord]:
    """The stages that began, with what trained in them."""
    unfreezing = parts.unfreezing
    return [
        StageRecord(
            name=stage.name,
            trainable=list(stage.trainable),
            first_epoch=first + 1,
            parameters=task.freezing.count(stage.trainable),
        )
        for stage, first in zip(unfreezing.stages, unfreezing.first_epochs, strict=False)
    ]


def load_best(task: Task, parts: TrainerParts, path: Path) -> BestRecord:
    """Load the best checkpoint into the task, and describe it.

    Raises:
        OutputError: It is damaged, or another run's.
    """
    checkpoint = read_checkpoint(path, task.identity)
    task.load_state_dict(checkpoint["state_dict"])
    task.take_chosen(checkpoint[CHOSEN])
    value, epoch = checkpoint[MONITORED][task.monitor], checkpoint["epoch"]
    stage = parts.unfreezing.stage_of(epoch).name
    return BestRecord(monitor=task.monitor, value=value, epoch=epoch + 1, stage=stage, chosen=checkpoint[CHOSEN])
