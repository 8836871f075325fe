"""The networks by name, built from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from tlbench.models.network import Network
from tlbench.models.norms import to_group_norm
from tlbench.models.resnet import resnet18

NETWORKS: dict[str, Callable[[int], Network]] = {"resnet18": resnet18}
"""Name → builder, called with the number of classes."""

NORMS = ("batch", "group")
"""`batch`: as the network comes; `group`: GroupNorm in the place of every BatchNorm."""


def build_network(name: str, num_classes: int, seed: int, norm: str = "batch") -> Network:
    """Build a network with random weights that are a function of the seed alone.

    Every arm starts here and the source's weights are loaded over it, so that the head's initial values depend on the
    seed, not on the source; they do not depend on the norm either. Running generator states are left as they were.

    Args:
        name: A key of `NETWORKS`.
        num_classes: Outputs of the head.
        seed: `seeds.init`, ≥ 0.
        norm: One of `NORMS`.

    Raises:
        ValueError: If there is no such norm.
    """
    if norm not in NORMS:
        raise ValueError(f"model.norm={norm} is not one of {', '.join(NORMS)}")
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the accelerator as well
        network = NETWORKS[name](num_classes)
        if norm == "group":
            network = replace(network, dropped=frozenset(to_group_norm(network.module)))
        return network
