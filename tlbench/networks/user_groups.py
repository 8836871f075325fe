"""Layer groups that the configuration names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from tlbench.errors import ConfigError
from tlbench.networks.layer_groups import HEAD
from tlbench.networks.network import Network


def with_groups(module: nn.Module, groups: Mapping[str, Sequence[str]]) -> Network:
    """The module with `model.groups`.

    Raises:
        ConfigError: They are no partition of its parameters and buffers, or a prefix matches nothing.
    """
    try:
        return Network(module, {group: tuple(prefixes) for group, prefixes in groups.items()}, HEAD)
    except ValueError as error:
        top = ", ".join(dict.fromkeys(name.split(".")[0] for name in module.state_dict()))
        raise ConfigError(f"model.groups: {_shortened(str(error))}; the network's parts are {top}") from None


def _shortened(message: str, limit: int = 200) -> str:
    """Without the end of a list of hundreds of names."""
    if len(message) <= limit:
        return message
    kept = message[:limit].rpartition(",")[0]
    return f"{kept} and {message[len(kept) :].count(',')} more"
