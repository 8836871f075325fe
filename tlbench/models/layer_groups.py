"""The layer groups of the networks; known before torch is imported, so that strategies are checked at once."""

from __future__ import annotations

from collections.abc import Mapping

HEAD = "head"

RESNET18: Mapping[str, tuple[str, ...]] = {
    "stem": ("conv1", "bn1"),
    "layer1": ("layer1",),
    "layer2": ("layer2",),
    "layer3": ("layer3",),
    "layer4": ("layer4",),
    HEAD: ("fc",),
}

LAYER_GROUPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {"resnet18": RESNET18}
"""Network → layer group → prefixes of module names, from input to head."""
