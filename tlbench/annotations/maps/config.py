"""Images with class maps: how data are given."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from tlbench.config.data import DataConfig
from tlbench.config.schema import ClassName

TABLES = ("voc", "camvid", "cityscapes", "ade20k")
"""Palettes that are known by name."""


class MapDataConfig(DataConfig):
    """Images with a class for each pixel.

    Keys that only some of these data have are not in the files of the others, and have defaults here.
    """

    eight_bits: ClassVar[frozenset[str]] = frozenset({"documents"})

    name: Literal["camvid", "documents", "masks", "coco", "yolo"]
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
    image_size: Annotated[int, Field(ge=32, le=4096)] = Field(description="side in pixels at the network's input")
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
        default=None, description="of polygons and drawn documents: the class of what none covers; null: it is ignored"
    )

    @property
    def fit(self) -> Literal["corner", "corner_aliased"]:
        """How an image is brought to the size in which it is stored."""
        return "corner" if self.antialias else "corner_aliased"

    @field_validator("split")
    @classmethod
    def _is_official(cls, split: str) -> str:
        if split != "official":
            raise ValueError(
                "class maps are divided as the data set is, and at random by image where it is not; use official"
            )
        return split
