"""How the weights are adapted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tlbench.config.schema import NonNegative, Positive, Schema

_NAME = "set by strategy=…"


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

    name: Literal["full"] = Field(description=_NAME)


class FeatureExtractorConfig(StrategyConfig):
    """The head trains, all other groups stay as the source left them."""

    name: Literal["feature_extractor"] = Field(description=_NAME)
    cache_features: bool = Field(description="with augmentation=none, compute the head's inputs once")


class HeadThenFullConfig(StrategyConfig):
    """The head trains for some epochs, then all groups."""

    name: Literal["head_then_full"] = Field(description=_NAME)
    head_epochs: Annotated[int, Field(ge=1)] = Field(description="epochs in which the head alone trains")
    unfreeze_warmup_epochs: NonNegative = Field(
        description="epochs of linear warm-up of a group from its unfreezing on"
    )


def _lists_of_patterns(stages: Any) -> Any:
    if isinstance(stages, list) and any(isinstance(stage, str) for stage in stages):
        raise ValueError("each stage is a list of patterns, such as [[head],[layer4],[layer3,layer2]]")
    return stages


class GradualUnfreezingConfig(StrategyConfig):
    """Layer groups are unfrozen from the head down (Howard & Ruder 2018, arXiv:1801.06146).

    Exactly one of `at_epochs`, `every_n_epochs` and `stall_patience` is given.
    """

    name: Literal["gradual_unfreezing"] = Field(description=_NAME)
    stages: Annotated[list[list[str]], BeforeValidator(_lists_of_patterns)] | None = Field(
        description="patterns of what each stage adds; null: a group a stage"
    )
    at_epochs: list[Annotated[int, Field(ge=1)]] | None = Field(
        description="epochs completed when the second, third, … stage begins"
    )
    every_n_epochs: Annotated[int, Field(ge=1)] | None = Field(description="epochs of each stage but the last")
    stall_patience: Annotated[int, Field(ge=1)] | None = Field(
        description="epochs without improvement that end a stage, and in the last stage the run"
    )
    unfreeze_warmup_epochs: NonNegative = Field(
        description="epochs of linear warm-up of a group from its unfreezing on"
    )


AnyStrategy = Annotated[
    FullConfig | FeatureExtractorConfig | HeadThenFullConfig | GradualUnfreezingConfig, Field(discriminator="name")
]
