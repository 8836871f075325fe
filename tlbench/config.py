"""The typed schema behind `conf/`; nothing heavy is imported here. `tlbench.parsing` checks a configuration by it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]
Channel = Annotated[list[float], Field(min_length=3, max_length=3)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Schema(BaseModel):
    """Unknown keys are refused and nothing is converted silently (an int is accepted for a float)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Seeds(Schema):
    """One seed per random stream; arms with the same seeds see the same head, batches and augmentations."""

    init: Seed
    order: Seed
    augment: Seed
    split: Seed


class Normalisation(Schema):
    """Per channel (RGB), of pixel values in 0–1."""

    mean: Channel
    std: Annotated[list[Positive], Field(min_length=3, max_length=3)]


class Augmentation(Schema):
    """Random augmentation of training images, drawn per sample; all zero: none."""

    name: str
    crop_padding: int = Field(ge=0, description="zero padding on each side before a random crop, native pixels")
    flip: Probability = Field(description="probability of a horizontal flip")
    brightness: Probability = Field(description="factor drawn from [1 - b, 1 + b]")
    contrast: Probability
    saturation: Probability

    @property
    def is_none(self) -> bool:
        """Whether a training image looks the same in every epoch."""
        return not any((self.crop_padding, self.flip, self.brightness, self.contrast, self.saturation))


class DataConfig(Schema):
    """The target's data."""

    name: Literal["cifar10", "digits"]
    root: str | None
    val_fraction: OpenFraction
    test_fraction: OpenFraction | None
    fraction: Annotated[float, Field(gt=0, le=1)]
    shots: Annotated[int, Field(ge=1)] | None
    image_size: Annotated[int, Field(ge=8, le=1024)]
    batch_size: Annotated[int, Field(ge=2)]
    normalisation: Normalisation


class ModelConfig(Schema):
    """The network."""

    name: Literal["resnet18"]
    norm: Literal["batch", "group"] = Field(description="group: every BatchNorm becomes GroupNorm (arXiv:1803.08494)")


class SourceConfig(Schema):
    """Where the initial weights come from."""

    name: Literal["random", "imagenet", "tin200", "checkpoint"]
    path: str | None


class StrategyConfig(Schema):
    """How the weights are adapted: what every strategy has.

    Patterns name layer groups as in `fnmatch` (`layer*`).
    """

    lr_decay: Annotated[float, Field(gt=0, le=1)] = Field(
        description="learning-rate factor from each layer group to the one below it, from the head (1) down"
    )
    lr_scales: dict[str, Positive] | None = Field(
        description="pattern → learning-rate factor, in place of lr_decay's for the groups that it names"
    )


class FullConfig(StrategyConfig):
    """All layer groups train from the first step."""

    name: Literal["full"]


class FeatureExtractorConfig(StrategyConfig):
    """The head trains, all other groups stay as the source left them."""

    name: Literal["feature_extractor"]
    cache_features: bool = Field(description="with augmentation=none, compute the head's inputs once")


class HeadThenFullConfig(StrategyConfig):
    """The head trains for some epochs, then all groups."""

    name: Literal["head_then_full"]
    head_epochs: Annotated[int, Field(ge=1)]
    unfreeze_warmup_epochs: NonNegative = Field(description="linear warm-up of a group from its unfreezing on")


def _lists_of_patterns(stages: Any) -> Any:
    if isinstance(stages, list) and any(isinstance(stage, str) for stage in stages):
        raise ValueError("each stage is a list of patterns, such as [[head],[layer4],[layer3,layer2]]")
    return stages


class GradualUnfreezingConfig(StrategyConfig):
    """Layer groups are unfrozen from the head down (Howard & Ruder 2018, arXiv:1801.06146).

    Exactly one of `at_epochs`, `every_n_epochs` and `stall_patience` is given.
    """

    name: Literal["gradual_unfreezing"]
    stages: Annotated[list[list[str]], BeforeValidator(_lists_of_patterns)] | None = Field(
        description="patterns of what each stage adds; null: a group a stage"
    )
    at_epochs: list[Annotated[int, Field(ge=1)]] | None = Field(
        description="epochs completed when the second, third, … stage begins"
    )
    every_n_epochs: Annotated[int, Field(ge=1)] | None
    stall_patience: Annotated[int, Field(ge=1)] | None = Field(
        description="epochs without improvement that end a stage, and in the last stage the run"
    )
    unfreeze_warmup_epochs: NonNegative = Field(description="linear warm-up of a group from its unfreezing on")


AnyStrategy = Annotated[
    FullConfig | FeatureExtractorConfig | HeadThenFullConfig | GradualUnfreezingConfig, Field(discriminator="name")
]


class RegulariserConfig(Schema):
    """Penalties that hold the weights near the source; all zero: none."""

    name: str
    l2_sp: NonNegative = Field(
        description="alpha of L2-SP (arXiv:1802.01483): alpha/2 · squared distance from the source"
    )
    l2_sp_head: NonNegative = Field(description="beta of L2-SP: beta/2 · squared norm of the head")
    bss: NonNegative = Field(description="η of batch spectral shrinkage (Chen et al. 2019, NeurIPS)")
    bss_k: Annotated[int, Field(ge=1)] = Field(description="how many of the smallest singular values it shrinks")


class OptimizerConfig(Schema):
    """The optimizer and its one global schedule."""

    name: Literal["sgd", "adamw"]
    lr: Positive
    weight_decay: NonNegative
    momentum: Probability | None = Field(description="SGD with Nesterov momentum; null for AdamW")
    betas: Annotated[list[Probability], Field(min_length=2, max_length=2)] | None
    schedule: Literal["cosine", "constant"]
    warmup_epochs: NonNegative

    @field_validator("betas")
    @classmethod
    def _betas_below_one(cls, betas: list[float] | None) -> list[float] | None:
        if betas is not None and max(betas) >= 1:
            raise ValueError("each must be below 1")
        return betas


class TrainerConfig(Schema):
    """How long and on what the run trains."""

    accelerator: Literal["auto", "cpu", "gpu"]
    devices: Annotated[int, Field(ge=1)] = Field(description="processes, one a device; they share data.batch_size")
    max_epochs: Annotated[int, Field(ge=1)]
    precision: Literal["32-true", "bf16-mixed", "16-mixed"]
    channels_last: bool
    compile: bool = Field(description="torch.compile the network, again in each stage")
    sync_batchnorm: bool = Field(description="BatchNorm statistics over all GPUs instead of each one's own")


class EarlyStoppingConfig(Schema):
    """Ends the run when the monitored validation metric no longer improves in the strategy's last stage."""

    patience: Annotated[int, Field(ge=1)] | None = Field(
        description="epochs without improvement, counted from each stage's beginning; null: never"
    )
    min_delta: NonNegative


class CheckpointConfig(Schema):
    """How often `last.ckpt` is written, beside a signal and the run's end."""

    every_n_epochs: Annotated[int, Field(ge=1)]
    every_n_minutes: Positive | None = Field(description="also in the middle of an epoch; null: never")


class CallbacksConfig(Schema):
    """Callbacks of the run."""

    monitor: str | None = Field(description="validation metric that chooses the best epoch; null: the task's own")
    early_stopping: EarlyStoppingConfig
    checkpoint: CheckpointConfig
    freeze_batch_norm: Literal["statistics", "statistics_and_affine"] | None
    ema_decay: OpenFraction | None = Field(description="evaluate and save a moving average of the weights")
    check_finite_every_n_steps: Annotated[int, Field(ge=1)]

    @field_validator("monitor")
    @classmethod
    def _monitor_is_on_validation(cls, monitor: str | None) -> str | None:
        if monitor is not None and not monitor.startswith("val/"):
            raise ValueError(
                "the best epoch is chosen on validation only, as a choice on train or test would flatter the result; "
                "use a metric named val/…, such as val/oa or val/loss"
            )
        return monitor


class LoggerConfig(Schema):
    """What TensorBoard gets beside the curves."""

    tensorboard: bool
    mistakes: Annotated[int, Field(ge=0, le=100)] = Field(description="images in the grid of most confident mistakes")


class StandIn(Schema):
    """Embedded data or weights used because the wanted ones could not be reached."""

    kind: Literal["data", "source"]
    wanted: str
    used: str
    reason: str


class TrainConfig(Schema):
    """The whole configuration of a run, as `conf/train.yaml` composes it."""

    seed: Seed
    seeds: Seeds
    study: str
    factors: Annotated[list[str], Field(min_length=1)]
    on_missing: Literal["error", "embedded"]
    rerun: bool
    plan: bool
    stand_ins: list[StandIn]
    data: DataConfig
    augmentation: Augmentation
    model: ModelConfig
    source: SourceConfig
    strategy: AnyStrategy
    regulariser: RegulariserConfig
    optimizer: OptimizerConfig
    trainer: TrainerConfig
    callbacks: CallbacksConfig
    logger: LoggerConfig

    @field_validator("study")
    @classmethod
    def _study_is_a_folder_name(cls, study: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", study):
            raise ValueError("letters, digits, '.', '_', '+' and '-' only, as it names a folder")
        return study
