"""The networks of a configuration, built from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from tlbench.config import ModelConfig
from tlbench.config.size import Size
from tlbench.errors import ConfigError
from tlbench.networks.checks import check_installed
from tlbench.networks.layer_groups import TORCHVISION_SEGMENTERS
from tlbench.networks.libraries.torchvision import resnet18, torchvision_network
from tlbench.networks.network import Network
from tlbench.networks.norms import to_group_norm
from tlbench.networks.user_groups import with_groups

NETWORKS: dict[str, Callable[[int], Network]] = {"resnet18": resnet18}
"""Networks that need no more than the number of classes to be built, by name."""


def build_network(model: ModelConfig, num_classes: int, seed: int, size: Size) -> Network:
    """Build a network with random weights that are a function of the seed alone.

    Every arm starts here and the source's weights are loaded over it, so that the head's initial values depend on the
    seed, not on the source; they do not depend on the norm either. Running generator states are left as they were.

    Args:
        model: Which network; its name must be known to its library.
        num_classes: Outputs of the head.
        seed: `seeds.init`, ≥ 0.
        size: Height and width of the input in pixels, for networks of a fixed input size.

    Raises:
        ConfigError: The network cannot be built as the configuration says, its layer groups are no partition of it, or
            it does not take such images.
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the accelerator as well
        network = _build(model, num_classes, size)
        if model.norm == "group":
            network = _with_group_norm(network)
        return network


def _build(model: ModelConfig, num_classes: int, size: Size) -> Network:
    if model.library == "timm":
        from tlbench.networks.libraries.timm import timm_network  # heavy

        return timm_network(model, num_classes, size)
    if model.library == "ultralytics":
        from tlbench.networks.libraries.yolo import yolo11  # heavy

        return yolo11(model, num_classes, size)
    if model.library == "module":
        from tlbench.networks.libraries.user_module import user_network

        return user_network(model, num_classes, size)
    if model.library == "smp":
        check_installed(model)
        from tlbench.networks.libraries.smp import smp_network  # heavy

        return smp_network(model, num_classes, size)
    if model.name in TORCHVISION_SEGMENTERS:
        from tlbench.networks.libraries.torchvision_segmentation import torchvision_segmenter

        return torchvision_segmenter(model, num_classes)
    if model.name not in NETWORKS:
        return torchvision_network(model, num_classes, size)
    network = NETWORKS[model.name](num_classes)
    return network if model.groups is None else with_groups(network.module, model.groups)


def _with_group_norm(network: Network) -> Network:
    try:
        return replace(network, dropped=frozenset(to_group_norm(network.module)))
    except ValueError as error:
        raise ConfigError(f"model.norm=group: {error}") from None
