"""Where the curves go."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tlbench.config.code import CodeConfig, OwnName
from tlbench.config.schema import Schema


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
    own: dict[OwnName, CodeConfig] = Field(
        default_factory=dict, description="name → what gives a logger of Lightning's kind"
    )
    mistakes: Annotated[int, Field(ge=0, le=100)] = Field(description="images in the grid of most confident mistakes")
