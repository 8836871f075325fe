"""Images with class maps: how data are given, and how training images are varied."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from tlbench.config.augmentation import Augmentation
from tlbench.config.data import IMAGE_SIZE, DataConfig
from tlbench.config.schema import ClassName, Positive, Probability
from tlbench.config.size import ImageSize, Sides

TABLES = ("voc", "camvid", "cityscapes", "ade20k")
"""Palettes that are known by name."""


class MapDataConfig(DataConfig):
    """Images with a class for each pixel.

    Keys that only some of these data have are not in the files of the others, and have defaults here.
    """

    eight_bits: ClassVar[frozenset[str]] = frozenset({"documents"})

    name: Literal["camvid", "documents", "masks", "coco", "yolo", "module"] = Field(description="set by data=…")
    classes: Annotated[list[ClassName], Field(min_length=2)] | None = Field(
        description="class names; null: all; pixels of the others are ignored"
    )
    split: str = Field(default="official", description="official: as the data set is divided")
    label_space: Literal["source", "target"] | None = Field(
        default=None, description="of drawn documents: source: all kinds of elements; target: signatures; null: other"
    )
    pages: Annotated[int, Field(ge=10)] | None = Field(
        default=None, description="drawn documents, all splits together; null: other data"
    )
    image_size: Annotated[ImageSize, Sides(ge=32, le=4096)] = Field(description=IMAGE_SIZE)
    native: Literal[True] | None = Field(
        default=None, description="images keep their own sizes, of which the network sees windows; follows task.tile"
    )
    antialias: bool = Field(description="shrink images by averaging their pixels; false: interpolate between four")
    ignore_index: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        default=255, description="value of masks that is no class; null: all values are"
    )
    ignored_classes: list[ClassName] | None = Field(
        default=None,
        description="classes whose pixels count nowhere; null: those that are called void, unlabelled or the like",
    )
    reduce_zero_label: bool = Field(default=False, description="whether 0 in masks is no class, 1 the first one, …")
    palette: str | None = Field(
        default=None,
        description=f"colours and numbers of masks: {' | '.join(TABLES)} | a file; null: masks hold numbers",
    )
    background: ClassName | None = Field(
        default=None, description="class of what no polygon and no drawn element covers; null: it is ignored"
    )

    @property
    def fit(self) -> Literal["corner", "corner_aliased", "native"]:
        """How an image is brought to the size in which it is stored."""
        if self.native:
            return "native"
        return "corner" if self.antialias else "corner_aliased"

    @field_validator("split")
    @classmethod
    def _is_official(cls, split: str) -> str:
        if split != "official":
            raise ValueError(
                "class maps are divided as the data set is, and at random by image where it is not; use official"
            )
        return split


class MapAugmentation(Augmentation):
    """Of images with class maps; a scale of [1, 1] and all else zero: none."""

    scale: Annotated[list[Positive], Field(min_length=2, max_length=2)] = Field(
        description="least and largest factor of the image's size in the input, with task.tile of its own size, drawn "
        "on a log scale; larger images are cropped"
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
