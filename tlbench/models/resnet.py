"""Residual networks (He et al. 2016, "Deep residual learning for image recognition", arXiv:1512.03385)."""

from __future__ import annotations

import torchvision.models

from tlbench.models.layer_groups import HEAD, RESNET18
from tlbench.models.network import Network


def resnet18(num_classes: int) -> Network:
    """ResNet-18 as in torchvision, with random weights.

    Its stem of 7 by 7 pixels and stride 2 and the max-pooling behind it stay whatever the input's side, so that
    pretrained weights load whole; a 32-pixel image reaches the average pooling as a single position.

    Args:
        num_classes: Outputs of the head.
    """
    return Network(
        module=torchvision.models.resnet18(weights=None, num_classes=num_classes),
        groups=RESNET18,
        head=HEAD,
    )
