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

    init: Seed = Field(description="of the head and, from scratch, of all weights")
    order: Seed = Field(description="of the order of the training images")
    augment: Seed = Field(description="of augmentation")
    split: Seed = Field(description="of which images are train, val and test; by default 0 for all seeds")


Varied = Literal["all", "init", "order", "augment", "split"]
"""What may follow `seed` in arms that tell where a study's spread comes from: one stream alone, or all of them."""


class StandIn(Schema):
    """Embedded data or weights used because the wanted ones could not be reached."""

    kind: Literal["data", "source"] = Field(description="what was out of reach")
    wanted: str = Field(description="what was asked for")
    used: str = Field(description="what stands in for it")
    reason: str = Field(description="why it could not be reached")


class TrainConfig(Schema):
    """The whole configuration of a run, as `conf/train.yaml` composes it.

    Its task says of what class `task`, `data` and `augmentation` are (`tlbench.tasks.registry.run_schema`).
    """

    seed: Seed = Field(description="what a run draws with: initialisation, order and augmentation follow it")
    vary: Varied | None = Field(description="the one stream that follows seed, or all; null: all but split do")
    seeds: Seeds
    study: str = Field(description="names the folder of all runs that are compared; by default data and model")
    factors: Annotated[list[str], Field(min_length=1)] = Field(
        description="keys in which the arms of a study differ; they name the arms. A key that is swept becomes one"
    )
    checkpoint: str | None = Field(
        description="what source=checkpoint reads: a file of weights, or the folder of an earlier run"
    )
    on_missing: Literal["error", "embedded"] = Field(
        description="where data or weights are out of reach: error; embedded: stand-ins, named as such everywhere"
    )
    rerun: bool = Field(description="true: repeat a complete run; the earlier one is kept beside it")
    plan: bool = Field(description="true: print stages, parameters, learning rates and times, and train nothing")
    test: bool = Field(description="false: the test split is never read, and the run has no test metrics")
    tune: Annotated[list[Tunable], Field(min_length=1), BeforeValidator(_one_is_a_list)] | None = Field(
        description="keys whose values are chosen on validation for each arm of a study"
    )
    tuning: TuningConfig
    statistics: StatisticsConfig
    stand_ins: list[StandIn] = Field(description="filled in by tlbench itself: what stood in for what")
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
