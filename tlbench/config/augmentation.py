"""How training images are varied."""

from __future__ import annotations

from pydantic import Field

from tlbench.config.code import CodeConfig
from tlbench.config.schema import Probability, Schema


class Augmentation(Schema):
    """Random augmentation of training images, drawn per sample: what all tasks have."""

    name: str = Field(description="set by augmentation=…")
    flip: Probability = Field(description="probability of a horizontal flip")
    own: CodeConfig | None = Field(
        default=None, description="what gives a transform of torchvision's v2 kind, applied after all others"
    )

    @property
    def is_none(self) -> bool:
        """Whether a training image looks the same in every epoch."""
        return not any(value for key, value in self.model_dump().items() if key != "name")
