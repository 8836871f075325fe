"""How learning rate and weight decay are chosen on validation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from tlbench.config.schema import Positive, Schema, Seed

Tunable = Literal["optimizer.lr", "optimizer.weight_decay"]


def _least_first(ends: list[float]) -> list[float]:
    if ends[0] >= ends[1]:
        raise ValueError("no range; the least value comes first, then the largest")
    return ends


Range = Annotated[list[Positive], Field(min_length=2, max_length=2), AfterValidator(_least_first)]


class OptimizerRanges(Schema):
    """Least and largest value, searched on a log scale."""

    lr: Range = Field(description="least and largest learning rate that is tried")
    weight_decay: Range = Field(description="least and largest weight decay that is tried")


class TuningRanges(Schema):
    """Where the values of tuned keys are searched; named as the keys themselves."""

    optimizer: OptimizerRanges


class TuningConfig(Schema):
    """How each arm's value of the keys in `tune` is chosen on validation, before the seeds run."""

    trials: Annotated[int, Field(ge=1)] = Field(description="runs an arm, the same for all")
    seed: Seed = Field(description="of the sampler and of the trials' runs; none of the study's own")
    max_epochs: Annotated[int, Field(ge=1)] | None = Field(description="epochs a trial; null: as a run")
    ranges: TuningRanges


def _one_is_a_list(tune: Any) -> Any:
    return [tune] if isinstance(tune, str) else tune
