"""The typed schema behind `conf/`, by which `tlbench.config.parse` checks; nothing heavy is imported here."""

from tlbench.config.augmentation import (
    Augmentation,
    DetectionAugmentation,
    ImageAugmentation,
    RandAugment,
    ResizedCrop,
)
from tlbench.config.data import DataConfig, DetectionDataConfig, ImageDataConfig, Normalisation
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
from tlbench.config.task import AnyTask, ClassificationConfig, DetectionConfig
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
    "AnyTask",
    "Augmentation",
    "CallbacksConfig",
    "Channel",
    "CheckpointConfig",
    "ClassificationConfig",
    "DataConfig",
    "DetectionAugmentation",
    "DetectionConfig",
    "DetectionDataConfig",
    "EarlyStoppingConfig",
    "FeatureExtractorConfig",
    "FileLimit",
    "FullConfig",
    "GradualUnfreezingConfig",
    "HeadThenFullConfig",
    "ImageAugmentation",
    "ImageDataConfig",
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
    "RandAugment",
    "Range",
    "RegulariserConfig",
    "ResizedCrop",
    "Schema",
    "Seed",
    "Seeds",
    "SourceConfig",
    "StandIn",
    "StrategyConfig",
    "TrainConfig",
    "TrainerConfig",
    "Tunable",
    "TuningConfig",
    "TuningRanges",
    "WandbConfig",
]
