"""Images with instances: how data are given, and how training images are varied."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tlbench.config.augmentation import Augmentation
from tlbench.config.data import IMAGE_SIZE, DataConfig
from tlbench.config.schema import Probability
from tlbench.config.size import ImageSize, Sides


class InstanceDataConfig(DataConfig):
    """Images with boxes."""

    eight_bits: ClassVar[frozenset[str]] = frozenset({"documents"})

    name: Literal["signature", "documents", "yolo", "coco", "box_module"] = Field(description="set by data=…")
    split: Literal["official", "blocked"] = Field(
        description="official: as the data set is divided; blocked: all images, by blocks of consecutive frames"
    )
    label_space: Literal["source", "target"] | None = Field(
        description="of drawn documents: source: all kinds of elements; target: signatures alone; null: other data"
    )
    pages: Annotated[int, Field(ge=10)] | None = Field(description="drawn documents, all splits together; null: other")
    image_size: Annotated[ImageSize, Sides(ge=32, le=2048, multiple_of=32)] = Field(description=IMAGE_SIZE)
    antialias: bool = Field(
        description="shrink images by averaging their pixels; false: interpolate between four, as ultralytics does"
    )

    @property
    def fit(self) -> Literal["corner", "corner_aliased"]:
        """How an image is brought to the size in which it is stored; see `tlbench.data.decode`."""
        return "corner" if self.antialias else "corner_aliased"


class InstanceAugmentation(Augmentation):
    """Of images with boxes, as in ultralytics; all zero: none."""

    mosaic: Probability = Field(description="probability of a mosaic with three other images (arXiv:2004.10934)")
    close_mosaic: Probability = Field(description="last part of the epochs, in which there is no mosaic")
    scale: Annotated[float, Field(ge=0, lt=1)] = Field(description="factor drawn from [1 - s, 1 + s]")
    translate: Annotated[float, Field(ge=0, le=0.5)] = Field(
        description="shift, up to this fraction of the input's width and of its height"
    )
    hsv_h: Annotated[float, Field(ge=0, le=0.5)] = Field(description="shift of the hue, up to this part of the circle")
    hsv_s: Probability = Field(description="factor of the saturation drawn from [1 - s, 1 + s]")
    hsv_v: Probability = Field(description="factor of the value drawn from [1 - v, 1 + v]")


def mosaic_epochs(augmentation: InstanceAugmentation, max_epochs: int) -> int:
    """How many epochs of a run have mosaics, from the first on."""
    return max_epochs - round(augmentation.close_mosaic * max_epochs)
