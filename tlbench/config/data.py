"""The target's data."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from tlbench.config.limits import LimitsConfig
from tlbench.config.schema import Channel, ClassName, OpenFraction, Positive, Schema


class Normalisation(Schema):
    """Per channel (RGB), of pixel values in 0–1."""

    mean: Channel
    std: Annotated[list[Positive], Field(min_length=3, max_length=3)]


class DataConfig(Schema):
    """The target's data: what all tasks have."""

    name: str
    root: str | None
    classes: Annotated[list[ClassName], Field(min_length=1)] | None = Field(description="class names; null: all")
    val_fraction: OpenFraction
    test_fraction: OpenFraction | None
    fraction: Annotated[float, Field(gt=0, le=1)]
    image_size: Annotated[int, Field(ge=8)]
    cache: Literal["auto", "memory", "none"] = Field(
        description="memory: decoded once, kept on the device; none: decoded in each epoch by workers"
    )
    memory_budget_mb: Annotated[int, Field(ge=1)] = Field(description="up to which cache=auto is cache=memory")
    workers: Annotated[int, Field(ge=0)] | None = Field(description="processes that decode; null: one a core")
    max_unreadable: Annotated[int, Field(ge=0)] = Field(description="files that may be left out as unreadable")
    min_images_per_class: Annotated[int, Field(ge=0)] = Field(
        description="training images below which a class is warned of"
    )
    batch_size: Annotated[int, Field(ge=2)]
    decode: Literal["whole", "fast"] = Field(
        description="whole: as any program does; fast: JPEGs at 1/2, 1/4 or 1/8 of their size where that is enough"
    )
    pixel_range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = Field(
        description="black and white of images of more than 8 bits; null: found from the training images"
    )
    normalisation: Normalisation
    limits: LimitsConfig

    @field_validator("pixel_range")
    @classmethod
    def _range_rises(cls, ends: list[float] | None, info: ValidationInfo) -> list[float] | None:
        if ends is not None and info.data.get("name") in ("cifar10", "digits", "documents"):
            raise ValueError(f"no image of {info.data['name']} has more than 8 bits; use null")
        if ends is not None and not (all(map(math.isfinite, ends)) and ends[0] < ends[1]):
            raise ValueError("the first must be black, the second a larger number, white")
        return ends

    @field_validator("classes")
    @classmethod
    def _classes_differ(cls, classes: list[str] | None) -> list[str] | None:
        if classes is not None and len(set(classes)) < len(classes):
            raise ValueError("a class occurs twice; name each once")
        return classes


class ImageDataConfig(DataConfig):
    """Images with one label each."""

    name: Literal["cifar10", "digits", "image_folder", "image_csv"]
    classes: Annotated[list[ClassName], Field(min_length=2)] | None = Field(description="class names; null: all")
    shots: Annotated[int, Field(ge=1)] | None
    image_size: Annotated[int, Field(ge=8, le=1024)]
    stored_size: Annotated[int, Field(ge=8, le=4096)] | None = Field(
        description="side in pixels to which images are brought once, when decoded"
    )
    fit: Literal["crop", "squash", "pad"] = Field(description="how an image that is not square becomes so")

    @property
    def stored_side(self) -> int:
        """Height and width in pixels to which an image is brought when it is decoded."""
        return {"cifar10": 32, "digits": 8}.get(self.name, self.stored_size or self.image_size)


class DetectionDataConfig(DataConfig):
    """Images with boxes."""

    name: Literal["signature", "documents", "yolo", "coco"]
    split: Literal["official", "blocked"] = Field(
        description="official: as the data set is divided; blocked: all images, by blocks of consecutive frames"
    )
    label_space: Literal["source", "target"] | None = Field(
        description="of drawn documents: source: all kinds of elements; target: signatures alone; null: other data"
    )
    pages: Annotated[int, Field(ge=10)] | None = Field(description="drawn documents, all splits together; null: other")
    image_size: Annotated[int, Field(ge=32, le=2048, multiple_of=32)] = Field(
        description="side in pixels at the network's input"
    )
    antialias: bool = Field(
        description="shrink images by averaging their pixels; false: interpolate between four, as ultralytics does"
    )

    @property
    def fit(self) -> Literal["corner", "corner_aliased"]:
        """How an image is brought to the square that is decoded; see `tlbench.data.decode`."""
        return "corner" if self.antialias else "corner_aliased"


AnyData = Annotated[ImageDataConfig | DetectionDataConfig, Field(discriminator="name")]
