"""The networks by name, built from a seed."""

from __future__ import annotations

from collections.abc import Callable

import torch

from tlbench.models.network import Network
from tlbench.models.resnet import resnet18

NETWORKS: dict[str, Callable[[int], Network]] = {"resnet18": resnet18}
"""Name → builder, called with the number of classes."""


def build_network(name: str, num_classes: int, seed: int) -> Network:
    """Build a network with random weights that are a function of the seed alone.

    Every arm starts here and the source's weights are loaded over it, so that the head's initial values depend on the
    seed, not on the source. Running generator states are left as they were.

    Args:
        name: A key of `NETWORKS`.
        num_classes: Outputs of the head.
        seed: `seeds.init`, ≥ 0.
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the accelerator as well
        return NETWORKS[name](num_classes)
