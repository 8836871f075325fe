"""The typed schema behind `conf/`, by which `tlbench.config.parse` checks; nothing heavy is imported here."""

from tlbench.config.augmentation import Augmentation
from tlbench.config.data import DataConfig, Normalisation
from tlbench.config.limits import STANDARD_LIMITS, FileLimit, ImageLimit, LimitsConfig
from tlbench.config.loggers import LoggerConfig, MlflowConfig, WandbConfig
from tlbench.config.model import ModelConfig, SourceConfig
from tlbench.config.run import Seeds, StandIn, TrainConfig
from tlbench.config.schema import Channel, NonNegative, OpenFraction, Positive, Probability, Schema, Seed
from tlbench.config.strategy import (
    AnyStrategy,
    FeatureExtractorConfig,
    FullConfig,
    GradualUnfreezingConfig,
    HeadThenFullConfig,
    StrategyConfig,
)
from tlbench.config.task import TaskConfig
from tlbench.config.training import (
    CallbacksConfig,
    CheckpointConfig,
    EarlyStoppingConfig,
    OptimizerConfig,
    RegulariserConfig,
    TrainerConfig,
)
from tlbench.config.tuning import OptimizerRanges, Range, Tunable, TuningConfig, TuningRanges

__all__ = [
    "STANDARD_LIMITS",
    "AnyStrategy",
    "Augmentation",
    "CallbacksConfig",
    "Channel",
    "CheckpointConfig",
    "DataConfig",
    "EarlyStoppingConfig",
    "FeatureExtractorConfig",
    "FileLimit",
    "FullConfig",
    "GradualUnfreezingConfig",
    "HeadThenFullConfig",
    "ImageLimit",
    "LimitsConfig",
    "LoggerConfig",
    "MlflowConfig",
    "ModelConfig",
    "NonNegative",
    "Normalisation",
    "OpenFraction",
    "OptimizerConfig",
    "OptimizerRanges",
    "Positive",
    "Probability",
    "Range",
    "RegulariserConfig",
    "Schema",
    "Seed",
    "Seeds",
    "SourceConfig",
    "StandIn",
    "StrategyConfig",
    "TaskConfig",
    "TrainConfig",
    "TrainerConfig",
    "Tunable",
    "TuningConfig",
    "TuningRanges",
    "WandbConfig",
]
