"""The whole configuration of a run, as `conf/train.yaml` composes it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from tlbench.config.augmentation import Augmentation
from tlbench.config.code import LossConfig, MetricConfig
from tlbench.config.data import DataConfig
from tlbench.config.loggers import LoggerConfig
from tlbench.config.model import ModelConfig, SourceConfig
from tlbench.config.schema import FOLDER_NAME, Schema, Seed
from tlbench.config.statistics import StatisticsConfig
from tlbench.config.strategy import AnyStrategy
from tlbench.config.task import TaskConfig
from tlbench.config.training import CallbacksConfig, OptimizerConfig, RegulariserConfig, TrainerConfig
from tlbench.config.tuning import Tunable, TuningConfig, _one_is_a_list


class Seeds(Schema):
    """One seed per random stream; arms with the same seeds see the same head, batches and augmentations."""

    init: Seed
    order: Seed
    augment: Seed
    split: Seed


Varied = Literal["all", "init", "order", "augment", "split"]
"""What may follow `seed` in arms that tell where a study's spread comes from: one stream alone, or all of them."""


class StandIn(Schema):
    """Embedded data or weights used because the wanted ones could not be reached."""

    kind: Literal["data", "source"]
    wanted: str
    used: str
    reason: str


class TrainConfig(Schema):
    """The whole configuration of a run, as `conf/train.yaml` composes it.

    Its task says of what class `task`, `data` and `augmentation` are (`tlbench.tasks.registry.run_schema`).
    """

    seed: Seed
    vary: Varied | None = Field(description="the one stream that follows seed, or all; null: all but split do")
    seeds: Seeds
    study: str
    factors: Annotated[list[str], Field(min_length=1)]
    checkpoint: str | None
    on_missing: Literal["error", "embedded"]
    rerun: bool
    plan: bool
    test: bool
    tune: Annotated[list[Tunable], Field(min_length=1), BeforeValidator(_one_is_a_list)] | None = Field(
        description="keys whose values are chosen on validation for each arm of a study"
    )
    tuning: TuningConfig
    statistics: StatisticsConfig
    stand_ins: list[StandIn]
    task: TaskConfig
    data: DataConfig
    augmentation: Augmentation
    model: ModelConfig
    source: SourceConfig
    strategy: AnyStrategy
    loss: LossConfig
    metrics: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")], MetricConfig] = Field(
        description="name → a metric of the user's own, beside the task's: val/NAME and test/NAME"
    )
    regulariser: RegulariserConfig
    optimizer: OptimizerConfig
    trainer: TrainerConfig
    callbacks: CallbacksConfig
    logger: LoggerConfig

    @field_validator("study")
    @classmethod
    def _study_is_a_folder_name(cls, study: str) -> str:
        if not re.fullmatch(FOLDER_NAME, study):
            raise ValueError("letters, digits, '.', '_', '+' and '-' only, as it names a folder")
        return study
