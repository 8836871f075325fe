"""Key points: what is learnt, how data are given, and how training images are varied; nothing heavy is imported."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tlbench.config.augmentation import Augmentation
from tlbench.config.data import DataConfig
from tlbench.config.schema import Positive
from tlbench.config.size import ImageSize, Sides
from tlbench.config.task import TaskConfig


class PointsConfig(TaskConfig):
    """K named points in an image."""

    name: Literal["keypoints"]
    beta: Positive = Field(
        description="where the smooth L1 loss turns from square to linear, as a fraction of the input's sides"
    )


class PointDataConfig(DataConfig):
    """Images with key points."""

    eight_bits: ClassVar[frozenset[str]] = frozenset({"figures"})

    name: Literal["figures", "points_csv"]
    images: Annotated[int, Field(ge=10, le=100_000)] | None = Field(
        description="drawn figures, all splits together; null: other data"
    )
    image_size: Annotated[ImageSize, Sides(ge=32, le=2048)] = Field(
        description="pixels at the network's input: the side of a square, or [height, width]"
    )

    @property
    def fit(self) -> Literal["corner"]:
        """How an image is brought to the size in which it is stored: whole, into the corner."""
        return "corner"


class PointAugmentation(Augmentation):
    """Of images with key points; all zero: none."""

    scale: Annotated[float, Field(ge=0, lt=1)] = Field(description="factor drawn from [1 - s, 1 + s]")
    translate: Annotated[float, Field(ge=0, le=0.5)] = Field(
        description="shift, up to this fraction of the input's sides"
    )
