"""Proves in every run that frozen means frozen and that what should train does."""

# ruff: noqa: ARG002 (hooks have Lightning's signatures)
from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from tlbench.adaptation.freezing import Freezing, group_hash
from tlbench.networks.network import Network
from tlbench.processes.exchange import gather_objects, is_distributed

if TYPE_CHECKING:
    from tlbench.tasks.base import Task


class FreezingError(Exception):
    """A frozen layer group changed or would have, or one that should train does not."""


class FreezingAudit(Callback):
    """Checks gradients at each epoch's first step, and the frozen groups' bytes at the end of each stage.

    Where a step sums the gradients of several batches, some of them may be the epoch before's.

    List it after `GradualUnfreezing`. Nothing is read from the device but the frozen groups, once a stage.

    Attributes:
        hashes: Layer group → SHA-256 of its parameters and buffers, for the groups frozen so far.
    """

    def __init__(self) -> None:
        self.hashes: dict[str, str] = {}
        self._stage = 0
        self._gradients_due = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note what the frozen groups are; after a resume, check that they still are."""
        self._gradients_due = True
        task = cast("Task", pl_module)
        frozen = task.freezing.frozen
        found = {group: group_hash(task.layer_groups, group) for group in frozen}
        self._compare({g: sha for g, sha in self.hashes.items() if g in frozen}, found, "was resumed")
        self.hashes = found

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the stage that has just ended."""
        self._gradients_due = True
        task = cast("Task", pl_module)
        if task.stage_number != self._stage:
            self._end_stage(task.layer_groups)
            self._stage = task.stage_number
            self.hashes = {group: self.hashes[group] for group in task.freezing.frozen}

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Check which groups have a gradient, before it is used."""
        if self._gradients_due:
            self._gradients_due = False
            check_gradients(cast("Task", pl_module).freezing)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the last stage."""
        self._end_stage(cast("Task", pl_module).layer_groups)

    def state_dict(self) -> dict[str, Any]:
        """The hashes and the stage."""
        return {"hashes": dict(self.hashes), "stage": self._stage}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what the frozen groups were."""
        self.hashes = dict(state_dict["hashes"])
        self._stage = state_dict["stage"]

    def _end_stage(self, network: Network) -> None:
        self._compare(self.hashes, {group: group_hash(network, group) for group in self.hashes}, "trained")
        if is_distributed():
            own = {group: group_hash(network, group) for group in network.groups}
            self._compare_processes(gather_objects(own))

    @staticmethod
    def _compare(before: dict[str, str], after: dict[str, str], since: str) -> None:
        changed = [group for group, sha in before.items() if after[group] != sha]
        if changed:
            raise FreezingError(
                f"the frozen layer groups {', '.join(changed)} changed while the run {since}; something writes to "
                "their parameters or buffers: a BatchNorm outside of eval mode, an optimizer of one's own, or a "
                "checkpoint that was tampered with"
            )

    @staticmethod
    def _compare_processes(hashes: list[dict[str, str]]) -> None:
        for rank, other in enumerate(hashes[1:], start=1):
            unlike = [group for group, sha in hashes[0].items() if other[group] != sha]
            if unlike:
                raise FreezingError(
                    f"process {rank} has other weights than process 0 in the layer groups {', '.join(unlike)}; their "
                    "gradients were not averaged"
                )


def check_gradients(freezing: Freezing) -> None:
    """Compare what has a gradient with what should.

    Raises:
        FreezingError: A frozen layer group has a gradient, or one that trains has none.
    """
    received, missed = [], []
    for group in freezing.network.groups:
        parameters = freezing.network.group_parameters(group)
        has_gradient = any(parameter.grad is not None for parameter in parameters)
        wanted = any(parameter.requires_grad for parameter in parameters)
        if group in freezing.frozen and has_gradient:
            received.append(group)
        if group in freezing.trainable and wanted and not has_gradient:
            missed.append(group)
    if received:
        raise FreezingError(
            f"the layer groups {', '.join(received)} are frozen but received a gradient; freeze groups through the "
            "strategy only, and leave requires_grad to it"
        )
    if missed:
        raise FreezingError(
            f"the layer groups {', '.join(missed)} should train but no gradient reached them; their parameters take "
            "no part in the loss, or something between them and the loss was detached"
        )
