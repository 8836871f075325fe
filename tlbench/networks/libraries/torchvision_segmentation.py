"""torchvision's networks for semantic segmentation, with layer groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torchvision.models
from torch import Tensor, nn
from torch.nn import functional

from tlbench.config import ModelConfig
from tlbench.networks.layer_groups import HEAD, LAYER_GROUPS, as_classifier
from tlbench.networks.network import Backbone, Network
from tlbench.networks.padding import padded
from tlbench.networks.user_groups import with_groups

BACKBONE = "backbone"
"""The module that a classifier has too."""

_STRIDE = 16
"""The strides of the last maps, 8 of a ResNet (its last two stages are dilated) and 16 of a MobileNet, divide it."""


class TorchvisionSegmenter(nn.Module):
    """Backbone and classifier of a network of torchvision, with one tensor of logits for an image of any size.

    torchvision's own gives a mapping, and stretches the maps of a side that no stride divides over it. Here the image
    is padded first, so that each logit stays where it belongs; elsewhere both compute the same.

    Args:
        network: As torchvision builds it, without an auxiliary classifier.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.backbone: nn.Module = network.backbone
        self.classifier: nn.Module = network.classifier
        self.takes_all = not isinstance(network.classifier, nn.Sequential)  # LR-ASPP: maps of two strides

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, C, H, W) for images (B, 3, H, W)."""
        height, width = images.shape[-2:]
        images = padded(images, _STRIDE)
        features = self.backbone(images)
        logits = self.classifier(features if self.takes_all else features["out"])
        logits = functional.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)
        return logits[..., :height, :width]


def torchvision_segmenter(model: ModelConfig, num_classes: int) -> Network:
    """A network of torchvision for semantic segmentation with random weights, without its auxiliary classifier.

    Args:
        model: `name` is one of `TORCHVISION_SEGMENTERS`; `groups` replace the known layer groups.
        num_classes: Outputs of the head.

    Raises:
        ConfigError: The given groups are no partition.
    """
    built: Any = torchvision.models.get_model(model.name, weights=None, weights_backbone=None, num_classes=num_classes)
    module = TorchvisionSegmenter(built)
    if model.groups is not None:
        network = with_groups(module, model.groups)
    else:
        network = Network(module, LAYER_GROUPS[model.name], HEAD)
    with torch.device("meta"):
        classifier = torchvision.models.get_model(as_classifier(model.library, model.name)[1], weights=None)
    before = "features." if hasattr(classifier, "features") else ""  # a MobileNet's blocks are in a sequence
    names = {f"{BACKBONE}.{name}": before + name for name in module.backbone.state_dict()}
    return replace(network, dense=True, backbone=Backbone(BACKBONE, names, classifier))
