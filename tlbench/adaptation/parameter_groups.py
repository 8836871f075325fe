"""One optimizer group per layer group × (decay, no decay), all there from step 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tlbench.adaptation.stages import matching
from tlbench.errors import ConfigError
from tlbench.networks.layer_groups import new_groups

if TYPE_CHECKING:
    from torch import nn

    from tlbench.networks.network import Network


def learning_rate_scales(
    groups: list[str], lr_decay: float, explicit: Mapping[str, float] | None = None
) -> dict[str, float]:
    """The learning-rate factor of each layer group: 1 for the head and a decoder, `lr_decay` less per group below them.

    Args:
        groups: Layer groups from input to head.
        lr_decay: In (0, 1]; 1 gives every group the same rate (layer-wise decay: Howard & Ruder 2018,
            arXiv:1801.06146; Clark et al. 2020, arXiv:2003.10555).
        explicit: Pattern → factor, in place of the above for the groups that it names.

    Raises:
        ConfigError: A pattern names no layer group, or two name the same.
    """
    new = new_groups(groups)
    reused = [group for group in groups if group not in new]
    scales = dict.fromkeys(groups, 1.0)
    scales |= {group: lr_decay**depth for depth, group in enumerate(reversed(reused), start=1)}
    named: dict[str, str] = {}
    for pattern, scale in (explicit or {}).items():
        for group in matching(pattern, groups, "strategy.lr_scales"):
            if group in named:
                raise ConfigError(
                    f"strategy.lr_scales: the patterns {named[group]!r} and {pattern!r} both name {group!r}; name each "
                    "layer group once"
                )
            named[group] = pattern
            scales[group] = scale
    return scales


def parameter_groups(
    network: Network, lr: float, weight_decay: float, scales: dict[str, float]
) -> list[dict[str, Any]]:
    """Optimizer groups named `<layer group>/decay` and `<layer group>/no_decay`, from input to head.

    Biases and normalisation layers (every parameter of fewer than two dimensions) are not decayed, nor is what the
    network names (`Network.undecayed`). A group without parameters is left out.
    """
    undecayed = {parameter for name, parameter in network.module.named_parameters() if name in network.undecayed}
    groups = []
    for group in network.groups:
        decay: list[nn.Parameter] = []
        no_decay: list[nn.Parameter] = []
        for parameter in network.group_parameters(group):
            (decay if parameter.ndim >= 2 and parameter not in undecayed else no_decay).append(parameter)
        for kind, parameters, factor in (("decay", decay, weight_decay), ("no_decay", no_decay, 0.0)):
            if parameters:
                name = f"{group}/{kind}"
                groups.append({"name": name, "params": parameters, "lr": lr * scales[group], "weight_decay": factor})
    return groups
