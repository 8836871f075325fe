"""How training images are varied."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from tlbench.config.schema import NonNegative, Positive, Probability, Schema


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
