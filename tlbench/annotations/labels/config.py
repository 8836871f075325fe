"""Images with one label each: how data are given, and how training images are varied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from tlbench.config.augmentation import Augmentation
from tlbench.config.data import IMAGE_SIZE, DataConfig
from tlbench.config.schema import ClassName, NonNegative, Positive, Probability, Schema
from tlbench.config.size import ImageSize, Sides, Size, as_written, size_of

OWN_SIDES: Mapping[str, int] = {"cifar10": 32, "digits": 8}
"""Data that are stored in the size they come in → height and width, pixels."""


class LabelDataConfig(DataConfig):
    """Images with one label each."""

    eight_bits: ClassVar[frozenset[str]] = frozenset({"cifar10", "digits"})

    name: Literal["cifar10", "digits", "image_folder", "image_csv", "module"] = Field(description="set by data=…")
    classes: Annotated[list[ClassName], Field(min_length=2)] | None = Field(description="class names; null: all")
    shots: Annotated[int, Field(ge=1)] | None = Field(description="labelled training images a class; null: all")
    image_size: Annotated[ImageSize, Sides(ge=8, le=1024)] = Field(description=IMAGE_SIZE)
    stored_size: Annotated[ImageSize, Sides(ge=8, le=4096)] | None = Field(
        description="pixels to which images are brought once, when decoded: the side of a square, or [height, width]"
    )
    fit: Literal["crop", "squash", "pad"] = Field(
        description="how an image of another shape takes that of the input: cut, stretched or filled up"
    )

    @property
    def storage_size(self) -> Size:
        """Height and width in pixels to which an image is brought when it is decoded."""
        return size_of(OWN_SIDES.get(self.name, self.stored_size or self.image_size))

    def untrimmed(self) -> LabelDataConfig:
        """As in `DataConfig`."""
        return self.model_copy(update={"fraction": 1.0, "shots": None})

    def on_other(self, name: str) -> dict[str, Any]:
        """As in `DataConfig`: images are brought to the size that these were stored in, unless they have their own."""
        return {"stored_size": None if name in OWN_SIDES else as_written(self.storage_size)}


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


class LabelAugmentation(Augmentation):
    """Of images with one label each; all zero or null: none."""

    crop_padding: int = Field(
        ge=0,
        description="zero padding on each side before a random crop, in pixels of the stored image or resized crop",
    )
    resized_crop: ResizedCrop | None = Field(
        description="a crop of random area and shape, resized to the input (arXiv:1409.4842); null: none"
    )
    brightness: Probability = Field(description="factor of the brightness drawn from [1 - b, 1 + b]")
    contrast: Probability = Field(description="factor of the contrast drawn from [1 - c, 1 + c]")
    saturation: Probability = Field(description="factor of the saturation drawn from [1 - s, 1 + s]")
    rand_augment: RandAugment | None = Field(
        description="random operations on each image (arXiv:1909.13719); null: none"
    )
    mixup: NonNegative = Field(description="alpha of MixUp (arXiv:1710.09412); 0: none")
    cutmix: NonNegative = Field(description="alpha of CutMix (arXiv:1905.04899); 0: none")

    @property
    def mixes(self) -> bool:
        """Whether training images are mixtures, with soft targets."""
        return self.mixup > 0 or self.cutmix > 0
