"""Where the curves go."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tlbench.config.code import CodeConfig, OwnName
from tlbench.config.schema import Schema


class WandbConfig(Schema):
    """Weights & Biases."""

    project: Annotated[str, Field(min_length=1)] = Field(description="Weights & Biases'")
    mode: Literal["online", "offline"] = Field(
        description="offline: files for `wandb sync`, without account or network"
    )


class MlflowConfig(Schema):
    """MLflow."""

    experiment: Annotated[str, Field(min_length=1)] = Field(description="MLflow's; by default the study")
    tracking_uri: Annotated[str, Field(min_length=1)] = Field(
        description="file:FOLDER, sqlite:///FILE.db, or the http://… of a server"
    )


class LoggerConfig(Schema):
    """Where the curves go beside `curves.csv`, and what pictures go with them."""

    tensorboard: bool = Field(description="true: event files in the run's folder")
    wandb: WandbConfig | None = Field(description="Weights & Biases; null: not there")
    mlflow: MlflowConfig | None = Field(description="MLflow; null: not there")
    own: dict[OwnName, CodeConfig] = Field(
        default_factory=dict, description="name → what gives a logger of Lightning's kind"
    )
    mistakes: Annotated[int, Field(ge=0, le=100)] = Field(description="images in the grid of most confident mistakes")
