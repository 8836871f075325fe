"""How training images are varied."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, field_validator

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
    """Random augmentation of training images, drawn per sample: what all tasks have."""

    name: str
    flip: Probability = Field(description="probability of a horizontal flip")

    @property
    def is_none(self) -> bool:
        """Whether a training image looks the same in every epoch."""
        return not any(value for key, value in self.model_dump().items() if key != "name")


class ImageAugmentation(Augmentation):
    """Of images with one label each; all zero or null: none."""

    crop_padding: int = Field(
        ge=0,
        description="zero padding on each side before a random crop, in pixels of the stored image or resized crop",
    )
    resized_crop: ResizedCrop | None
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


class DetectionAugmentation(Augmentation):
    """Of images with boxes, as in ultralytics; all zero: none."""

    mosaic: Probability = Field(description="probability of a mosaic with three other images (arXiv:2004.10934)")
    close_mosaic: Probability = Field(description="last part of the epochs, in which there is no mosaic")
    scale: Annotated[float, Field(ge=0, lt=1)] = Field(description="factor drawn from [1 - s, 1 + s]")
    translate: Annotated[float, Field(ge=0, le=0.5)] = Field(description="shift, up to this fraction of the side")
    hsv_h: Annotated[float, Field(ge=0, le=0.5)] = Field(description="shift of the hue, up to this part of the circle")
    hsv_s: Probability = Field(description="factor of the saturation drawn from [1 - s, 1 + s]")
    hsv_v: Probability = Field(description="factor of the value drawn from [1 - v, 1 + v]")


def _task_of(augmentation: Any) -> str:
    """By its keys, as an option's name is free."""
    keys = augmentation if isinstance(augmentation, dict) else getattr(augmentation, "__dict__", {})
    return "detection" if "mosaic" in keys else "classification"


AnyAugmentation = Annotated[
    Annotated[ImageAugmentation, Tag("classification")] | Annotated[DetectionAugmentation, Tag("detection")],
    Discriminator(_task_of),
]


def mosaic_epochs(augmentation: DetectionAugmentation, max_epochs: int) -> int:
    """How many epochs of a run have mosaics, from the first on."""
    return max_epochs - round(augmentation.close_mosaic * max_epochs)
