"""What torchvision says of the weights that it publishes for its classifiers."""

from __future__ import annotations

import torchvision.models

from tlbench.config import Normalisation
from tlbench.errors import ConfigError
from tlbench.networks.libraries.torchvision import AUXILIARY_HEADS
from tlbench.sources.catalog_entry import CatalogEntry
from tlbench.system.hashing import sha256_in_name

TAG = "IMAGENET1K_V1"
"""Which are taken unasked: those of resnet18, of one recipe for all networks; where there are none, the default."""

_LICENCE = "torchvision's code is BSD-3-Clause; weights trained on ImageNet-1k, whose images are for research use"


def torchvision_entry(name: str, tag: str | None) -> CatalogEntry:
    """The entry of a network's ImageNet weights.

    Args:
        name: One of `TORCHVISION_MODELS`.
        tag: Which of its weights, such as `IMAGENET1K_V2`; None: `TAG`.

    Raises:
        ConfigError: It has none of that name; says which there are.
    """
    known = torchvision.models.get_model_weights(name)
    tags = [weights.name for weights in known]
    if tag is not None and tag not in tags:
        raise ConfigError(
            f"source.tag={tag!r}: torchvision has no such weights of {name}; use {', '.join(tags)}, or null"
        )
    weights = known[tag or (TAG if TAG in tags else known["DEFAULT"].name)]
    preset, file = weights.transforms(), weights.url.rpartition("/")[2]
    licence = weights.meta.get("license")
    return CatalogEntry(
        source="imagenet",
        model=name,
        title=f"torchvision {weights}",
        file=file,
        url=weights.url,
        sha256=sha256_in_name(file),
        licence=f"{licence}; {_LICENCE}" if licence else _LICENCE,
        normalisation=Normalisation(mean=list(preset.mean), std=list(preset.std)),
        input_size=preset.crop_size[0],
        heads=list(AUXILIARY_HEADS),
        classes=len(weights.meta["categories"]),
        score=weights.meta["_metrics"]["ImageNet-1K"]["acc@1"],
        score_of=f"top-1 on ImageNet-1k validation, {preset.crop_size[0]} px centre crop; published by torchvision",
    )
