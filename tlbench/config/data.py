"""The target's data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from tlbench.config.code import Arguments
from tlbench.config.grouping import FORMS, Grouping
from tlbench.config.limits import LimitsConfig
from tlbench.config.schema import Channel, ClassName, OpenFraction, Positive, Schema
from tlbench.config.size import ImageSize, Sides, Size, size_of

if TYPE_CHECKING:
    from typing_extensions import Self  # typing's from Python 3.11 on


Fit = Literal["crop", "squash", "pad", "corner", "corner_aliased", "native"]
"""How an image of another shape takes that of the input; see `tlbench.data.decode.decode_fitted`."""


IMAGE_SIZE = "pixels at the network's input: the side of a square, or [height, width]"


class Normalisation(Schema):
    """Per channel (RGB), of pixel values in 0–1."""

    mean: Channel = Field(description="taken from red, green and blue, values in 0 to 1")
    std: Annotated[list[Positive], Field(min_length=3, max_length=3)] = Field(description="what the rest is divided by")


class DataConfig(Schema):
    """The target's data: what all tasks have.

    Attributes:
        eight_bits: Names of the data of which no image has more.
    """

    eight_bits: ClassVar[frozenset[str]] = frozenset()

    name: str = Field(description="set by data=…")
    root: str | None = Field(description="folder or file of the data; null: drawn, embedded or downloaded ones")
    import_path: str | None = Field(
        default=None, description="package.module:Name of what gives data of the user's own; null: other data"
    )
    arguments: Arguments = Field(default_factory=dict, description="keyword arguments that it is called with")
    classes: Annotated[list[ClassName], Field(min_length=1)] | None = Field(description="class names; null: all")
    val_fraction: OpenFraction = Field(
        description="share of the images to carve from that becomes val, where there is no val"
    )
    test_fraction: OpenFraction | None = Field(description="likewise of test; null: none is carved")
    fraction: Annotated[float, Field(gt=0, le=1)] = Field(description="share of the training images that is used")
    draw: Literal["identity", "position"] = Field(
        default="identity",
        description="splits and subsets are drawn by each image's own name or pixels, or by its position in the list",
    )
    group: str | None = Field(default=None, description=f"images that must lie in one split: {FORMS}; null: none")
    folds: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="of cross-validation, one for each split seed; null: the splits of the fractions"
    )
    repeat: Annotated[int, Field(ge=1)] = Field(
        default=1, description="times that an epoch of training holds each image, augmented anew each time"
    )
    image_size: Annotated[ImageSize, Sides(ge=8)] = Field(description=IMAGE_SIZE)
    cache: Literal["auto", "memory", "none"] = Field(
        description="memory: decoded once, kept on the device; none: decoded in each epoch by workers"
    )
    memory_budget_mb: Annotated[int, Field(ge=1)] = Field(description="up to which cache=auto is cache=memory")
    workers: Annotated[int, Field(ge=0)] | None = Field(description="processes that decode; null: one a core")
    max_unreadable: Annotated[int, Field(ge=0)] = Field(description="files that may be left out as unreadable")
    min_images_per_class: Annotated[int, Field(ge=0)] = Field(
        description="training images below which a class is warned of"
    )
    batch_size: Annotated[int, Field(ge=2)] = Field(description="images a batch, over all devices")
    decode: Literal["whole", "fast"] = Field(
        description="whole: as any program does; fast: JPEGs at 1/2, 1/4 or 1/8 of their size where that is enough"
    )
    pixel_range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = Field(
        description="black and white of images of more than 8 bits; null: found from the training images"
    )
    normalisation: Normalisation
    limits: LimitsConfig

    if TYPE_CHECKING:  # an option, or what options say

        @property
        def fit(self) -> Fit:
            """How an image is brought to the size in which it is stored."""

    @property
    def input_size(self) -> Size:
        """Height and width of the network's input, pixels."""
        return size_of(self.image_size)

    @property
    def storage_size(self) -> Size:
        """Height and width in pixels to which an image is brought when it is decoded."""
        return self.input_size

    def samples(self, images: int) -> int:
        """What an epoch of training on so many images holds."""
        return images * self.repeat

    def untrimmed(self) -> Self:
        """The same, of all training images."""
        return self.model_copy(update={"fraction": 1.0})

    def keeps_in_memory(self, counts: Iterable[tuple[int, Size]]) -> bool:
        """Whether so many images of each of some sizes are decoded once and kept on the device."""
        if self.cache == "auto":
            return sum(count * 3 * math.prod(size) for count, size in counts) <= self.memory_budget_mb * 2**20
        return self.cache == "memory"

    def on_other(self, name: str) -> dict[str, Any]:  # noqa: ARG002
        """What other data take from these when a network that was trained on these is evaluated on them.

        Args:
            name: Of the others. Keys that all data have are taken anyway.
        """
        return {}

    @field_validator("group")
    @classmethod
    def _group_is_readable(cls, group: str | None) -> str | None:
        if group is not None:
            Grouping.of(group)
        return group

    @field_validator("pixel_range")
    @classmethod
    def _range_rises(cls, ends: list[float] | None, info: ValidationInfo) -> list[float] | None:
        if ends is not None and info.data.get("name") in cls.eight_bits:
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
