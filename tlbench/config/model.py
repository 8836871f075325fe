"""The network and where its initial weights come from."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from tlbench.config.code import Arguments
from tlbench.config.schema import FOLDER_NAME, Schema


class ModelConfig(Schema):
    """The network."""

    name: Annotated[str, Field(min_length=1)] = Field(description="of the network, or of its encoder, in the library")
    library: Literal["torchvision", "timm", "ultralytics", "smp", "module"] = Field(
        description="smp: segmentation_models_pytorch; module: a network of the user's own"
    )
    decoder: Literal["unet", "fpn", "deeplabv3plus", "upernet", "segformer", "dpt"] | None = Field(
        default=None,  # so that a user's own option from before there were decoders is one still
        description="of library=smp: what makes logits for each place of an image from the encoder's feature maps",
    )
    import_path: str | None = Field(description="package.module:Name of what builds a network of the user's own")
    arguments: Arguments = Field(description="further keyword arguments of what builds the network; null: none")
    groups: dict[str, list[str]] | None = Field(
        description="layer group → prefixes of module names, from the input to `head`; null: known or derived"
    )
    norm: Literal["batch", "group"] = Field(description="group: every BatchNorm becomes GroupNorm (arXiv:1803.08494)")

    @field_validator("name")
    @classmethod
    def _name_fits_a_folder(cls, name: str) -> str:
        if not re.fullmatch(FOLDER_NAME, name):
            raise ValueError(
                "letters, digits, '.', '_', '+' and '-' only, as it names a folder; networks of a hub or a folder are "
                "not built by name, give one of timm.list_models(), such as resnet50"
            )
        return name


class SourceConfig(Schema):
    """Where the initial weights come from."""

    name: Literal["random", "imagenet", "tin200", "coco", "documents", "timm", "checkpoint"] = Field(
        description="set by source=…"
    )
    path: str | None = Field(description="file or folder of the weights; null: embedded, cached or downloaded ones")
    tag: str | None = Field(
        description="which of the published weights, with source=timm, or source=imagenet for torchvision's networks; "
        "null: the default"
    )
    entry: str | None = Field(
        description="of several mappings of tensors in a file, the one meant, by the keys that lead to it, joined by "
        "dots (state_dict_ema); null: the one that holds the backbone"
    )
    prefix: str | None = Field(
        description="what stands before the network's names in it (module.encoder_q); null: whatever does"
    )
