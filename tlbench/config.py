"""The typed schema behind `conf/`, and the checks that cross its groups.

Nothing heavy is imported here: a wrong key or value is answered before torch is loaded. Every message names the key,
the value and what is allowed; all errors of a config are reported at once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tlbench.errors import ConfigError

NOT_AFFECTING_RESULTS = ("study", "factors", "on_missing", "rerun", "logger", "stand_ins", "data.root")
"""Keys that change where a run's data lie or its results go, not the results; left out of the config's hash."""

SEED_KEYS = ("seed", "seeds")
"""Keys in which the runs of one arm differ."""

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

    crop_padding: int = Field(ge=0, description="zero padding on each side before a random crop, native pixels")
    flip: Probability = Field(description="probability of a horizontal flip")
    brightness: Probability = Field(description="factor drawn from [1 - b, 1 + b]")
    contrast: Probability
    saturation: Probability


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
    augmentation: Augmentation


class ModelConfig(Schema):
    """The network."""

    name: Literal["resnet18"]


class SourceConfig(Schema):
    """Where the initial weights come from."""

    name: Literal["random", "imagenet", "tin200", "checkpoint"]
    path: str | None


class StrategyConfig(Schema):
    """How the weights are adapted."""

    name: Literal["full"]
    lr_decay: Annotated[float, Field(gt=0, le=1)] = Field(
        description="learning-rate factor from each layer group to the one below it, from the head (1) down"
    )


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
    max_epochs: Annotated[int, Field(ge=1)]
    precision: Literal["32-true", "bf16-mixed", "16-mixed"]
    channels_last: bool


class EarlyStoppingConfig(Schema):
    """Ends the run when the task's monitored validation metric no longer improves."""

    patience: Annotated[int, Field(ge=1)] | None = Field(description="epochs without improvement; null: never")
    min_delta: NonNegative


class CallbacksConfig(Schema):
    """Callbacks of the run."""

    early_stopping: EarlyStoppingConfig
    check_finite_every_n_steps: Annotated[int, Field(ge=1)]


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
    stand_ins: list[StandIn]
    data: DataConfig
    model: ModelConfig
    source: SourceConfig
    strategy: StrategyConfig
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


def parse(config: Mapping[str, Any]) -> TrainConfig:
    """Check a resolved configuration.

    Args:
        config: Plain containers, interpolations resolved.

    Raises:
        ConfigError: Naming every key at fault with its value and what is allowed.
    """
    try:
        parsed = TrainConfig.model_validate(config)
    except ValidationError as error:
        raise ConfigError("; ".join(_describe(e) for e in error.errors())) from None
    problems = list(_cross_checks(parsed))
    if problems:
        raise ConfigError("; ".join(problems))
    return parsed


def _describe(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {key!r} (value {error['input']!r}); see `python -m tlbench.train --cfg job` for all keys"
    if error["type"] == "missing":
        return f"missing key {key!r}; see `python -m tlbench.train --cfg job` for all keys"
    message = error["msg"].removeprefix("Value error, ")
    return f"{key}={error['input']!r}: {message[0].lower()}{message[1:]}"


def _cross_checks(c: TrainConfig) -> list[str]:
    problems = []
    if c.source.name == "checkpoint" and c.source.path is None:
        problems.append("source.path=null: source=checkpoint needs the path of a weights file or of a run's folder")
    if c.source.name == "random" and c.source.path is not None:
        problems.append(f"source.path={c.source.path!r}: source=random takes no file; use source=checkpoint or drop it")
    if c.data.shots is not None and c.data.fraction < 1:
        problems.append(
            f"data.shots={c.data.shots} and data.fraction={c.data.fraction}: give one of the two, "
            "leave the other at null or 1.0"
        )
    if c.optimizer.name == "sgd" and c.optimizer.momentum is None:
        problems.append("optimizer.momentum=null: SGD needs a momentum in [0, 1]")
    if c.optimizer.name == "adamw" and c.optimizer.momentum is not None:
        problems.append(f"optimizer.momentum={c.optimizer.momentum}: AdamW takes betas instead; use null")
    if c.optimizer.name == "sgd" and c.optimizer.betas is not None:
        problems.append(f"optimizer.betas={c.optimizer.betas}: SGD takes a momentum instead; use null")
    if c.optimizer.name == "adamw" and c.optimizer.betas is None:
        problems.append("optimizer.betas=null: AdamW needs two betas in [0, 1)")
    if c.optimizer.warmup_epochs > c.trainer.max_epochs:
        problems.append(
            f"optimizer.warmup_epochs={c.optimizer.warmup_epochs}: at most trainer.max_epochs={c.trainer.max_epochs}"
        )
    for factor in c.factors:
        value = _value(c, factor)
        if factor.split(".")[0] in SEED_KEYS:
            problems.append(f"factors={c.factors!r}: {factor!r} is a seed; the runs of an arm differ in it already")
        elif isinstance(value, BaseModel) and "name" not in type(value).model_fields:
            problems.append(f"factors={c.factors!r}: {factor!r} is a group without a name; name one of its keys")
        elif value is _ABSENT:
            problems.append(
                f"factors={c.factors!r}: no key {factor!r} in the config; name keys like source or data.shots"
            )
    return problems


_ABSENT = object()


def _value(config: BaseModel, key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        if not isinstance(node, BaseModel) or part not in type(node).model_fields:
            return _ABSENT
        node = getattr(node, part)
    return node


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one of dotted keys (`{"data": {"root": 1}}` → `{"data.root": 1}`)."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def affecting_results(config: Mapping[str, Any]) -> dict[str, Any]:
    """The dotted keys and values of a config that affect a run's results."""
    return {
        key: value
        for key, value in flatten(config).items()
        if not any(key == out or key.startswith(out + ".") for out in NOT_AFFECTING_RESULTS)
    }


def config_hash(config: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over the keys that affect results."""
    return hashlib.sha256(json.dumps(affecting_results(config), sort_keys=True).encode()).hexdigest()


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The keys that affect results and differ, as `key: old → new`."""
    a, b = affecting_results(old), affecting_results(new)
    return [f"{k}: {a.get(k)!r} → {b.get(k)!r}" for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)]
