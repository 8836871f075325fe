"""Build the Lightning Trainer of a run: device, callbacks, checkpoints."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger

from tlbench.callbacks.curves import Curves
from tlbench.callbacks.early_stopping import StageEarlyStopping
from tlbench.callbacks.ema import EMA
from tlbench.callbacks.feature_cache import FeatureCache
from tlbench.callbacks.finite_loss import FiniteLoss
from tlbench.callbacks.folder_stays import FolderStays
from tlbench.callbacks.freeze_batch_norm import FreezeBatchNorm
from tlbench.callbacks.freezing_audit import FreezingAudit
from tlbench.callbacks.gradual_unfreezing import GradualUnfreezing
from tlbench.callbacks.last_checkpoint import LastCheckpoint
from tlbench.callbacks.progress import RunProgress
from tlbench.callbacks.progress_file import ProgressFile
from tlbench.callbacks.resumable import MovableCheckpoint
from tlbench.callbacks.training_batch import TrainingBatch
from tlbench.callbacks.training_clock import TrainingClock
from tlbench.config import FeatureExtractorConfig, GradualUnfreezingConfig, TrainConfig
from tlbench.errors import ConfigError
from tlbench.processes.ddp import TeamDDP
from tlbench.processes.sync_batch_norm import SyncedBatchNorm
from tlbench.processes.team import Team
from tlbench.records.curves import CURVES_FILE
from tlbench.records.folder import BATCH_PICTURE, BEST_CHECKPOINT, LAST_CHECKPOINT
from tlbench.runs.checkpoints import AtomicCheckpointIO
from tlbench.runs.own_parts import own_callbacks
from tlbench.runs.preflight import check_device
from tlbench.system.interrupts import Signals
from tlbench.system.voice import PRINTING, Voice
from tlbench.tasks.base import Task
from tlbench.tasks.registry import spec_of


@dataclass(frozen=True)
class TrainerParts:
    """The Trainer and those of its callbacks that the record reads."""

    trainer: Trainer
    curves: Curves
    progress: RunProgress
    clock: TrainingClock
    best: MovableCheckpoint
    unfreezing: GradualUnfreezing
    features: FeatureCache | None


def build_trainer(
    config: TrainConfig,
    task: Task,
    folder: Path,
    loggers: Sequence[Logger] = (),
    signals: Signals | None = None,
    voice: Voice = PRINTING,
    team: Team | None = None,
) -> TrainerParts:
    """The Trainer of one run.

    Args:
        config: The run's configuration.
        task: Declares the stages, the monitored metric and its mode.
        folder: The run's folder; checkpoints and curves go there.
        loggers: Get the curves as well.
        signals: SIGINT and SIGTERM, noted while training; None: nothing notes them.
        voice: Speaks to the user.
        team: The processes of the run.

    Raises:
        ConfigError: If a callback of the user's own or a flag cannot be used, the wanted accelerator is not there or
            cannot train in the wanted precision, or features are to be cached for a head of several modules.
    """
    c = config.trainer
    check_device(config)
    _quiet_lightning()
    unfreezing = GradualUnfreezing(task.stages, voice)
    curves, progress, clock = Curves(unfreezing, folder / CURVES_FILE), RunProgress(), TrainingClock(c.max_time_s)
    features = _feature_cache(config, task, voice)
    best = MovableCheckpoint(
        dirpath=folder,
        filename=Path(BEST_CHECKPOINT).stem,
        monitor=task.monitor,
        mode=task.mode,
        later_on_tie=task.later_on_tie,
        save_top_k=1,
        save_weights_only=True,
        save_on_train_epoch_end=False,  # after validation: a resumed run ends its last epoch's training once more
        enable_version_counter=False,
    )
    last = LastCheckpoint(
        folder / LAST_CHECKPOINT,
        every_n_epochs=config.callbacks.checkpoint.every_n_epochs,
        every_n_minutes=config.callbacks.checkpoint.every_n_minutes,
        signals=signals or Signals(),
    )
    options = [_freeze_batch_norm(config), _stopping(config, task, unfreezing), _ema(config)]
    told = ProgressFile(folder, best, clock, limit=c.max_time_s, tested=config.test)
    # FeatureCache before GradualUnfreezing, which compiles the network where it is still needed
    callbacks: list[Callback] = [progress, told, clock, *([features] if features else []), unfreezing]
    callbacks += [option for option in options if option is not None]
    callbacks += own_callbacks(config)
    callbacks += [TrainingBatch(folder / BATCH_PICTURE, config), FreezingAudit(), FolderStays(folder)]
    callbacks += [FiniteLoss(config.callbacks.check_finite_every_n_steps), curves, best, last]
    trainer = Trainer(
        accelerator=c.accelerator,
        devices=c.devices,
        strategy="auto" if c.devices == 1 else _strategy(team or Team(config, folder)),
        max_epochs=c.max_epochs,
        precision=c.precision,
        gradient_clip_val=config.optimizer.clip_norm,
        logger=list(loggers),
        callbacks=callbacks,
        plugins=[AtomicCheckpointIO(), *([SyncedBatchNorm()] if c.sync_batchnorm else [])],
        default_root_dir=folder,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **c.extra,
    )
    return TrainerParts(trainer, curves, progress, clock, best, unfreezing, features)


def _strategy(team: Team) -> TeamDDP:
    """DDP, wrapped with all parameters trainable and frozen afterwards (see `GradualUnfreezing`).

    Buffers are broadcast before each validation: in it, the processes may have different numbers of batches.
    """
    here = {"cluster_environment": LightningEnvironment()} if team.starts_its_processes else {}
    return TeamDDP(team, find_unused_parameters=True, broadcast_buffers=False, **here)


def caches_features(config: TrainConfig) -> bool:
    """Whether a run computes the head's inputs once: nothing before the head may change, nor the images.

    Never where the head takes a feature for each place in the image, far more than the image itself.
    """
    strategy = config.strategy
    wanted = isinstance(strategy, FeatureExtractorConfig) and strategy.cache_features
    return wanted and config.augmentation.is_none and spec_of(config).caches_features


def _feature_cache(config: TrainConfig, task: Task, voice: Voice) -> FeatureCache | None:
    if not caches_features(config):
        return None
    try:
        task.layer_groups.head_module()
    except ValueError as error:
        raise ConfigError(f"strategy.cache_features=true: {error}; use strategy.cache_features=false") from None
    return FeatureCache(voice)


def _freeze_batch_norm(config: TrainConfig) -> FreezeBatchNorm | None:
    policy = config.callbacks.freeze_batch_norm
    return FreezeBatchNorm(policy) if policy is not None else None


def _ema(config: TrainConfig) -> EMA | None:
    c = config.callbacks
    return EMA(c.ema_decay, c.ema_tau) if c.ema_decay is not None else None


def _stopping(config: TrainConfig, task: Task, unfreezing: GradualUnfreezing) -> StageEarlyStopping | None:
    strategy, stopping = config.strategy, config.callbacks.early_stopping
    stall = strategy.stall_patience if isinstance(strategy, GradualUnfreezingConfig) else None
    patience = stopping.patience if stall is None else stall
    if patience is None:
        return None
    return StageEarlyStopping(
        unfreezing,
        monitor=task.monitor,
        mode=task.mode,
        patience=patience,
        min_delta=stopping.min_delta,
        stalls_end_stages=stall is not None,
    )


def _quiet_lightning() -> None:
    """Keep what a user can act on; our own lines say the rest."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\.(pytorch|fabric)")
