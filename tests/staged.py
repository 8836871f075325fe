"""A task of the tiny network on a few digits, fitted with the callbacks that a test is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch import Callback, Trainer

from tests.commands import FEW
from tests.composed import config
from tests.tiny_network import tiny_network
from tlbench.config import TrainConfig
from tlbench.data.open import open_target
from tlbench.data.target_module import TargetModule
from tlbench.networks.network import Network
from tlbench.networks.norms import batch_norm_layers
from tlbench.tasks.classification.task import ClassificationTask
from tlbench.tasks.wings import wing_of


def source_network(num_classes: int = 10, seed: int = 1) -> Network:
    """The tiny network as a source might leave it: BatchNorm with weights and statistics that are not the initial."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = tiny_network(num_classes)
        with torch.no_grad():
            for _, layer in batch_norm_layers(network.module):
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.uniform_(0.2, 0.5)
                layer.running_mean.uniform_(-0.2, 0.2)
                layer.running_var.uniform_(0.5, 2.0)
                layer.num_batches_tracked.fill_(7)
    return network


def task_of(*overrides: str, network: Network | None = None) -> ClassificationTask:
    """A task with a configuration of `FEW`, a learning rate and the overrides."""
    names = [str(digit) for digit in range(10)]
    return ClassificationTask(network or source_network(), config(*FEW, "optimizer.lr=0.01", *overrides), names)


def data_of(configured: TrainConfig) -> TargetModule:
    target = open_target(configured.data, configured.seeds.split)
    return TargetModule(target, configured.data, configured.seeds, wing_of(configured).batches(configured))


def fit(task: ClassificationTask, callbacks: Sequence[Callback], folder: Path, resume: Path | None = None) -> Trainer:
    """Train on a CPU; errors pass through."""
    pl.seed_everything(0, verbose=False)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=task.config.trainer.max_epochs,
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=folder,
    )
    trainer.fit(task, datamodule=data_of(task.config), ckpt_path=resume, weights_only=True)
    return trainer


def state(network: Network, *groups: str) -> dict[str, torch.Tensor]:
    """Copies of all tensors, or of those of some layer groups."""
    tensors = network.module.state_dict()
    return {n: t.clone() for n, t in tensors.items() if not groups or network.group_of(n) in groups}


def same_bits(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> list[str]:
    """The names of the tensors that have the same bytes in both."""
    assert one.keys() == other.keys()
    return [name for name in one if one[name].numpy().tobytes() == other[name].numpy().tobytes()]
