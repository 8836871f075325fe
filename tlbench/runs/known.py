"""What is known of a run so far; whatever ends it, its record is made from this."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import torch
from lightning.pytorch.loggers import Logger

from tlbench.config import TrainConfig
from tlbench.config.arms import arm_name
from tlbench.config.hash import config_hash
from tlbench.data.target_module import TargetModule
from tlbench.loggers.status import Status
from tlbench.processes.rank import is_first_process
from tlbench.processes.team import Team
from tlbench.records.record import (
    BestRecord,
    CodeRecord,
    DataRecord,
    ErrorRecord,
    ModelRecord,
    Record,
    StoppedByTime,
    Volatile,
)
from tlbench.records.tuning import TuningRecord
from tlbench.records.vouch import vouchers_for
from tlbench.runs.describe import describe_stages
from tlbench.runs.trainer import TrainerParts
from tlbench.sources.report import LoadReport
from tlbench.system.environment import device_name, host, peak_memory_mb, versions, visible_gpus
from tlbench.system.voice import Voice
from tlbench.tasks.base import Task


@dataclass(frozen=True)
class Built:
    """What a run is made of, once it is built."""

    task: Task
    module: TargetModule
    parts: TrainerParts
    data: DataRecord
    checkpoint: Path | None


@dataclass
class Known:
    """What is known of a run so far."""

    config: TrainConfig
    folder: Path
    team: Team
    resumes: int
    voice: Voice
    started: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    clock: float = field(default_factory=time.perf_counter)
    tuning: TuningRecord | None = None
    data: DataRecord | None = None
    alike: list[list[int]] = field(default_factory=list)
    model: ModelRecord | None = None
    code: CodeRecord | None = None
    built: Built | None = None
    loggers: list[Logger] = field(default_factory=list)
    weights: LoadReport | None = None
    best: BestRecord | None = None
    metrics: dict[str, float | None] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    sidecars: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def record(self, status: Status, error: ErrorRecord | None = None) -> Record:
        """The record of what is known so far."""
        config = self.config.model_dump(mode="json")
        parts = self.built.parts if self.built else None
        device = parts.trainer.strategy.root_device if parts else None
        return Record(
            status=status,
            task=self.config.task.name,
            study=self.config.study,
            arm=arm_name(config, self.config.factors),
            factors=self.config.factors,
            seed=self.config.seed,
            config=config,
            config_hash=config_hash(config, self.code.sha256() if self.code else None),
            versions=versions(self.config.model.library),
            stand_ins=self.config.stand_ins,
            data=self.data,
            model=self.model,
            code=self.code,
            weights=self.weights.model_dump() if self.weights else None,
            tuning=self.tuning,
            stages=describe_stages(self.built.task, self.built.parts) if self.built else [],
            best=self.best,
            metrics=self.metrics,
            curves=[dict(row) for row in parts.curves.rows] if parts else [],
            warnings=self.warnings,
            sidecars=self.sidecars,
            files=self.files,
            error=error,
            volatile=Volatile(
                started=self.started.isoformat(timespec="seconds"),
                finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
                total_s=time.perf_counter() - self.clock,
                **self.seconds,
                cache_s=parts.features.seconds if parts and parts.features else None,
                train_images_per_s=parts.progress.images_per_s if parts else None,
                peak_memory_mb=peak_memory_mb(device),
                device=device_name(device) if device else None,
                visible_gpus=visible_gpus(device) if device else None,
                threads=torch.get_num_threads(),
                host=host(),
                resumes=self.resumes,
                epoch_ends_s=self._epoch_ends(),
                stopped_by_time=self.stopped_by_time(),
                vouchers=self._vouchers() if status == "complete" else {},
            ),
        )

    def _epoch_ends(self) -> list[float]:
        """None where a run goes on from a checkpoint of before they were counted."""
        parts = self.built.parts if self.built else None
        known = parts is not None and len(parts.clock.epoch_ends) == len(parts.curves.rows)
        return list(parts.clock.epoch_ends) if parts is not None and known else []

    def stopped_by_time(self) -> StoppedByTime | None:
        """That the time was used up, and after how much of the run; None where it was not."""
        parts = self.built.parts if self.built else None
        if parts is None or not parts.clock.used_up:
            return None
        ends = parts.clock.epoch_ends
        return StoppedByTime(epochs=len(ends), steps=parts.trainer.global_step, seconds=ends[-1])

    def _vouchers(self) -> dict[str, str]:
        """By which this user's tools know the run again; the first of several processes writes them."""
        return vouchers_for(self.config, self.code, self.voice) if is_first_process() else {}
