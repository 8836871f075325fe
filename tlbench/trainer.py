"""Build the Lightning Trainer of a run: device, loggers, callbacks, checkpoints."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger, TensorBoardLogger

from tlbench.callbacks.curves import Curves
from tlbench.callbacks.finite_loss import FiniteLoss
from tlbench.callbacks.progress import RunProgress
from tlbench.callbacks.resumable import LastingEarlyStopping, MovableCheckpoint
from tlbench.config import TrainConfig
from tlbench.errors import ConfigError
from tlbench.results.checkpoints import AtomicCheckpointIO
from tlbench.results.folder import BEST_CHECKPOINT, LAST_CHECKPOINT
from tlbench.tasks.base import Task


@dataclass(frozen=True)
class TrainerParts:
    """The Trainer and those of its callbacks that the record reads."""

    trainer: Trainer
    curves: Curves
    progress: RunProgress
    best: MovableCheckpoint


def build_trainer(config: TrainConfig, task: Task, folder: Path, resume_step: int) -> TrainerParts:
    """The Trainer of one run.

    Args:
        config: The run's configuration.
        task: Declares the monitored metric and its mode.
        folder: The run's folder; checkpoints and TensorBoard events go there.
        resume_step: Steps in the checkpoint that the run goes on from (0: none); curves logged after it are dropped.

    Raises:
        ConfigError: If the wanted accelerator is not there, or cannot train in the wanted precision.
    """
    c = config.trainer
    if c.accelerator == "gpu" and not _sees_gpu():
        raise ConfigError("trainer=gpu: torch sees no GPU on this machine; use trainer=auto or trainer=cpu")
    if c.precision == "16-mixed" and (c.accelerator == "cpu" or not _sees_gpu()):
        raise ConfigError("trainer.precision='16-mixed': needs a GPU; on a CPU use 32-true or bf16-mixed")
    _quiet_lightning()
    curves, progress = Curves(), RunProgress()
    best = MovableCheckpoint(
        dirpath=folder,
        filename=Path(BEST_CHECKPOINT).stem,
        monitor=task.monitor,
        mode=task.mode,
        save_top_k=1,
        save_weights_only=True,
        save_on_train_epoch_end=False,  # after validation: a resumed run ends its last epoch's training once more
        enable_version_counter=False,
    )
    last = MovableCheckpoint(
        dirpath=folder,
        filename=Path(LAST_CHECKPOINT).stem,
        save_top_k=1,
        every_n_epochs=1,
        save_on_train_epoch_end=True,  # after validation, so that it holds what validation decided
        enable_version_counter=False,
    )
    callbacks: list[Callback] = [progress, FiniteLoss(config.callbacks.check_finite_every_n_steps), curves]
    stopping = config.callbacks.early_stopping
    if stopping.patience is not None:
        callbacks.append(
            LastingEarlyStopping(
                monitor=task.monitor,
                mode=task.mode,
                patience=stopping.patience,
                min_delta=stopping.min_delta,
                check_on_train_epoch_end=False,
            )
        )
    trainer = Trainer(
        accelerator=c.accelerator,
        devices=1,
        max_epochs=c.max_epochs,
        precision=c.precision,
        logger=_loggers(config, folder, resume_step),
        callbacks=[*callbacks, best, last],
        plugins=[AtomicCheckpointIO()],
        default_root_dir=folder,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    return TrainerParts(trainer, curves, progress, best)


def _loggers(config: TrainConfig, folder: Path, resume_step: int) -> list[Logger]:
    if not config.logger.tensorboard:
        return []
    writer_options: dict[str, Any] = {"purge_step": resume_step + 1}
    return [TensorBoardLogger(save_dir=folder, name="", version="", default_hp_metric=False, **writer_options)]


def _sees_gpu() -> bool:
    return torch.cuda.is_available() or torch.backends.mps.is_available()


def _quiet_lightning() -> None:
    """Keep what a user can act on; our own lines say the rest."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\.(pytorch|fabric)")
