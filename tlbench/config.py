"""The typed schema behind `conf/`; nothing heavy is imported here. `tlbench.parsing` checks a configuration by it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]
Channel = Annotated[list[float], Field(min_length=3, max_length=3)]
FOLDER_NAME = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
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


class ResizedCrop(Schema):
    """A crop of random area and aspect ratio, resized to the input (Szegedy et al. 2015, arXiv:1409.4842)."""

    scale: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=2, max_length=2)] = Field(
        description="least and largest fraction of the image's area"
    )
    ratio: Annotated[list[Positive], Field(min_length=2, max_length=2)] = Field(
        description="least and largest ratio of width to height"
    )

    @field_validator("scale", "ratio")
    @classmethod
    def _least_first(cls, ends: list[float]) -> list[float]:
        if ends[0] > ends[1]:
            raise ValueError("the least comes first")
        return ends


class RandAugment(Schema):
    """A number of random operations on each image (Cubuk et al. 2020, arXiv:1909.13719)."""

    operations: Annotated[int, Field(ge=1, le=10)] = Field(description="operations an image, one after another")
    magnitude: Annotated[int, Field(ge=0, le=30)] = Field(description="strength of those that have one, up to 30")


class Augmentation(Schema):
    """Random augmentation of training images, drawn per sample; all zero or null: none."""

    name: str
    crop_padding: int = Field(
        ge=0,
        description="zero padding on each side before a random crop, in pixels of the stored image or resized crop",
    )
    resized_crop: ResizedCrop | None
    flip: Probability = Field(description="probability of a horizontal flip")
    brightness: Probability = Field(description="factor drawn from [1 - b, 1 + b]")
    contrast: Probability
    saturation: Probability
    rand_augment: RandAugment | None
    mixup: NonNegative = Field(description="alpha of MixUp (arXiv:1710.09412); 0: none")
    cutmix: NonNegative = Field(description="alpha of CutMix (arXiv:1905.04899); 0: none")

    @property
    def mixes(self) -> bool:
        """Whether training images are mixtures, with soft targets."""
        return self.mixup > 0 or self.cutmix > 0

    @property
    def is_none(self) -> bool:
        """Whether a training image looks the same in every epoch."""
        return not any(value for key, value in self.model_dump().items() if key != "name")


class DataConfig(Schema):
    """The target's data."""

    name: Literal["cifar10", "digits", "image_folder", "image_csv"]
    root: str | None
    classes: Annotated[list[str], Field(min_length=2)] | None = Field(description="class names; null: all")
    val_fraction: OpenFraction
    test_fraction: OpenFraction | None
    fraction: Annotated[float, Field(gt=0, le=1)]
    shots: Annotated[int, Field(ge=1)] | None
    image_size: Annotated[int, Field(ge=8, le=1024)]
    stored_size: Annotated[int, Field(ge=8, le=4096)] | None = Field(
        description="side in pixels to which images are brought once, when decoded"
    )
    fit: Literal["crop", "squash", "pad"] = Field(description="how an image that is not square becomes so")
    cache: Literal["auto", "memory", "none"] = Field(
        description="memory: decoded once, kept on the device; none: decoded in each epoch by workers"
    )
    memory_budget_mb: Annotated[int, Field(ge=1)] = Field(description="up to which cache=auto is cache=memory")
    workers: Annotated[int, Field(ge=0)] | None = Field(description="processes that decode; null: one a core")
    max_unreadable: Annotated[int, Field(ge=0)] = Field(description="files that may be left out as unreadable")
    min_images_per_class: Annotated[int, Field(ge=0)] = Field(
        description="training images below which a class is warned of"
    )
    batch_size: Annotated[int, Field(ge=2)]
    normalisation: Normalisation

    @field_validator("classes")
    @classmethod
    def _classes_differ(cls, classes: list[str] | None) -> list[str] | None:
        if classes is not None and len(set(classes)) < len(classes):
            raise ValueError("a class occurs twice; name each once")
        return classes

    @property
    def stored_side(self) -> int:
        """Height and width in pixels to which an image is brought when it is decoded."""
        return {"cifar10": 32, "digits": 8}.get(self.name, self.stored_size or self.image_size)


class TaskConfig(Schema):
    """What is learnt."""

    name: Literal["classification"]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="share of the target spread over all classes (arXiv:1512.00567), in training only"
    )


def _none_is_empty(arguments: Any) -> Any:
    return {} if arguments is None else arguments


class ModelConfig(Schema):
    """The network."""

    name: Annotated[str, Field(min_length=1)]
    library: Literal["torchvision", "timm", "module"] = Field(description="module: a network of the user's own")
    import_path: str | None = Field(description="package.module:Name of what builds a network of the user's own")
    arguments: Annotated[dict[str, Any], BeforeValidator(_none_is_empty)] = Field(
        description="further keyword arguments of what builds the network; null: none"
    )
    groups: dict[str, list[str]] | None = Field(
        description="layer group → prefixes of module names, from the input to `head`; null: known or derived"
    )
    norm: Literal["batch", "group"] = Field(description="group: every BatchNorm becomes GroupNorm (arXiv:1803.08494)")

    @field_validator("name")
    @classmethod
    def _name_fits_a_folder(cls, name: str) -> str:
        if not re.fullmatch(FOLDER_NAME, name):
            raise ValueError(
                "letters, digits, '.', '_', '+' and '-' only, as it names a folder; networks of a hub or a folder are "
                "not built by name, give one of timm.list_models(), such as resnet50"
            )
        return name


class SourceConfig(Schema):
    """Where the initial weights come from."""

    name: Literal["random", "imagenet", "tin200", "timm", "checkpoint"]
    path: str | None
    tag: str | None = Field(description="which of timm's weights, with source=timm; null: its default")


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


class WandbConfig(Schema):
    """Weights & Biases."""

    project: Annotated[str, Field(min_length=1)]
    mode: Literal["online", "offline"]


class MlflowConfig(Schema):
    """MLflow."""

    experiment: Annotated[str, Field(min_length=1)]
    tracking_uri: Annotated[str, Field(min_length=1)]


class LoggerConfig(Schema):
    """Where the curves go beside `curves.csv`, and what pictures go with them."""

    tensorboard: bool
    wandb: WandbConfig | None
    mlflow: MlflowConfig | None
    mistakes: Annotated[int, Field(ge=0, le=100)] = Field(description="images in the grid of most confident mistakes")


Tunable = Literal["optimizer.lr", "optimizer.weight_decay"]


def _least_first(ends: list[float]) -> list[float]:
    if ends[0] >= ends[1]:
        raise ValueError("no range; the least value comes first, then the largest")
    return ends


Range = Annotated[list[Positive], Field(min_length=2, max_length=2), AfterValidator(_least_first)]


class OptimizerRanges(Schema):
    """Least and largest value, searched on a log scale."""

    lr: Range
    weight_decay: Range


class TuningRanges(Schema):
    """Where the values of tuned keys are searched; named as the keys themselves."""

    optimizer: OptimizerRanges


class TuningConfig(Schema):
    """How each arm's value of the keys in `tune` is chosen on validation, before the seeds run."""

    trials: Annotated[int, Field(ge=1)] = Field(description="runs an arm, the same for all")
    seed: Seed = Field(description="of the sampler and of the trials' runs")
    max_epochs: Annotated[int, Field(ge=1)] | None = Field(description="epochs a trial; null: as a run")
    ranges: TuningRanges


def _one_is_a_list(tune: Any) -> Any:
    return [tune] if isinstance(tune, str) else tune


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
    checkpoint: str | None
    on_missing: Literal["error", "embedded"]
    rerun: bool
    plan: bool
    test: bool
    tune: Annotated[list[Tunable], Field(min_length=1), BeforeValidator(_one_is_a_list)] | None = Field(
        description="keys whose values are chosen on validation for each arm of a study"
    )
    tuning: TuningConfig
    stand_ins: list[StandIn]
    task: TaskConfig
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
        if not re.fullmatch(FOLDER_NAME, study):
            raise ValueError("letters, digits, '.', '_', '+' and '-' only, as it names a folder")
        return study
