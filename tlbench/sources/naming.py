"""From the names in a file of weights to those of the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from tlbench.errors import WeightsError
from tlbench.networks.network import Network
from tlbench.networks.norms import BATCH_NORM_BUFFERS

BATCH_NORM_COUNTER = "num_batches_tracked"
"""Absent in files older than PyTorch 0.4.1; without effect at BatchNorm's default momentum."""


@dataclass(frozen=True)
class Named:
    """A file's tensors under the network's names.

    Args:
        tensors: By the network's names, in the file's order.
        prefix: What stood before these names in the entry, without its last dot; empty: nothing.
        outside: What the entry holds besides, under its own names.
        entry: The keys in the file that lead to them, joined by dots; empty: none.
        whose: Whose names the file has; empty: the network's own.
        containers: The parts of the network that hold its backbone, as the file names them.
        whole: Whether the backbone is there, all of it.
    """

    tensors: dict[str, Tensor]
    prefix: str = ""
    outside: tuple[str, ...] = ()
    entry: str = ""
    whose: str = ""
    containers: frozenset[str] = frozenset()
    whole: bool = False


def backbone_of(network: Network) -> dict[str, Tensor]:
    """All tensors but those that are new for the target's labels, by name."""
    own = network.module.state_dict()
    return {name: tensor for name, tensor in own.items() if not network.is_new(name)}


def is_counter(name: str) -> bool:
    """Whether a tensor of this name counts the batches of a BatchNorm layer."""
    return name.rpartition(".")[2] == BATCH_NORM_COUNTER


def kind(tensor: Tensor) -> tuple[torch.Size, bool]:
    """What must agree for one tensor to be copied into another."""
    return tensor.shape, tensor.is_floating_point()


def by_position(path: Path, given: Mapping[str, Tensor], network: Network, model: str) -> Named:
    """Name a file's tensors by their places, if it does not name them as the network does already.

    Of each pair the last part of the name (`weight`, `running_mean`) must agree, and the shape, but for what is new
    for the labels.

    Args:
        path: The file, for the message.
        given: The file's tensors, in its order.
        network: What they are for.
        model: Its name, for the message.

    Raises:
        WeightsError: If the tensors do not pair off.
    """
    own = network.module.state_dict()
    if all(name in given for name in backbone_of(network)):
        return Named(dict(given))
    outside = [name for name in given if network.dropped and name.rpartition(".")[2] in BATCH_NORM_BUFFERS]
    names = [name for name in given if name not in outside]
    for place, (theirs, ours) in enumerate(zip(names, own, strict=False), start=1):
        alike = kind(given[theirs]) == kind(own[ours]) or network.is_new(ours)
        if not alike or theirs.rpartition(".")[2] != ours.rpartition(".")[2]:
            raise _another(path, model, f"tensor {place} is {_shown(theirs, given)} there and {_shown(ours, own)} here")
    if len(names) != len(own):
        raise _another(path, model, f"{len(names)} tensors there, {len(own)} here")
    return Named({ours: given[theirs] for theirs, ours in zip(names, own, strict=True)}, outside=tuple(outside))


def _another(path: Path, model: str, how: str) -> WeightsError:
    return WeightsError(
        f"{path}: looks like another architecture than model={model}: their tensors are paired by position, and "
        f"{how}; give weights of {model}"
    )


def _shown(name: str, tensors: Mapping[str, Tensor]) -> str:
    return f"{name} {tuple(tensors[name].shape)}"
