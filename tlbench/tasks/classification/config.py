"""What classification is to learn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tlbench.config.task import TaskConfig


class ClassificationConfig(TaskConfig):
    """One label an image."""

    name: Literal["classification"] = Field(description="set by task=classification")
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="share of the target spread over all classes (arXiv:1512.00567), in training only"
    )
