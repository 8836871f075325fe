"""Images with class maps: how data are given, and how training images are varied."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from tlbench.config.augmentation import Augmentation
from tlbench.config.schema import Positive, Probability


class MapAugmentation(Augmentation):
    """Of images with class maps; a scale of [1, 1] and all else zero: none."""

    scale: Annotated[list[Positive], Field(min_length=2, max_length=2)] = Field(
        description="least and largest factor of the image's size in the input, drawn on a log scale; larger images "
        "are cropped"
    )
    rare: Probability = Field(
        description="probability that a crop shows a pixel of a class that is drawn from those in the image, classes "
        "of few training pixels first"
    )
    hsv_h: Annotated[float, Field(ge=0, le=0.5)] = Field(description="shift of the hue, up to this part of the circle")
    hsv_s: Probability = Field(description="factor of the saturation drawn from [1 - s, 1 + s]")
    hsv_v: Probability = Field(description="factor of the value drawn from [1 - v, 1 + v]")

    @property
    def is_none(self) -> bool:
        """As in `Augmentation`."""
        return self.scale == [1, 1] and not any((self.flip, self.hsv_h, self.hsv_s, self.hsv_v, self.own))

    @field_validator("scale")
    @classmethod
    def _least_first(cls, ends: list[float]) -> list[float]:
        if ends[0] > ends[1]:
            raise ValueError("the least comes first")
        return ends
