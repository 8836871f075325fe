"""From the names in a file of weights to those of the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from tlbench.errors import WeightsError
from tlbench.networks.network import Network, lies_under
from tlbench.networks.norms import BATCH_NORM_BUFFERS

BATCH_NORM_COUNTER = "num_batches_tracked"
"""Absent in files older than PyTorch 0.4.1; without effect at BatchNorm's default momentum."""


@dataclass(frozen=True, eq=False)
class Part:
    """What of a network a file may fill, under the names that the file is to have for it.

    Args:
        module: What has children of these names.
        everything: All tensors of a network like that which the file is of, in its order; those to be filled are the
            network's own, others may be without values.
        heads: Prefixes of the others.
        dropped: Tensors that the file may hold and the network no longer has.
        ours: Name → that in the network, where it is another.
    """

    module: nn.Module
    everything: Mapping[str, Tensor]
    heads: tuple[str, ...]
    dropped: frozenset[str] = frozenset()
    ours: Mapping[str, str] = field(default_factory=dict)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Those to be filled, by name."""
        return {n: tensor for n, tensor in self.everything.items() if not any(lies_under(n, h) for h in self.heads)}


def parts_of(network: Network) -> list[Part]:
    """What of a network a file may fill, the most first: all but what is new for the target's labels; its backbone.

    The backbone comes twice, under the network's own names, which networks with other decoders share, and under the
    names of the classifier that has it.
    """
    own = network.module.state_dict()
    whole = Part(network.module, own, network.new, network.dropped)
    if network.backbone is None:
        return [whole]
    outside = dict.fromkeys(name.split(".")[0] for name in own if name not in network.backbone.names)
    return [whole, Part(network.module, own, tuple(outside), network.dropped), as_in_classifier(network)]


def as_in_classifier(network: Network) -> Part:
    """The backbone of a network in the order and under the names of the classifier that has it, or the network itself.

    Where BatchNorm was replaced in the backbone, what comes behind it has no statistics either.
    """
    own, backbone = network.module.state_dict(), network.backbone
    if backbone is None:
        return Part(network.module, own, network.new, network.dropped)
    ours = {theirs: name for name, theirs in backbone.names.items()}
    dropped = frozenset(backbone.names[name] for name in network.dropped if name in backbone.names)
    everything = {
        name: own[ours[name]] if name in ours else tensor
        for name, tensor in backbone.classifier.state_dict().items()
        if name not in dropped and not (dropped and name.rpartition(".")[2] in BATCH_NORM_BUFFERS)
    }
    behind = tuple(name for name in backbone.classifier.state_dict() if name not in ours)
    return Part(network.module.get_submodule(backbone.module), everything, behind, dropped, ours)


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
        whole: Whether the part is there, all of it.
        part: The part of the network that they are of; None: all but what is new for the labels.
    """

    tensors: dict[str, Tensor]
    prefix: str = ""
    outside: tuple[str, ...] = ()
    entry: str = ""
    whose: str = ""
    containers: frozenset[str] = frozenset()
    whole: bool = False
    part: Part | None = None


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
    part = as_in_classifier(network)
    own, wanted = part.everything, part.tensors
    if all(name in given for name in wanted):
        return Named(dict(given), part=part)
    outside = [name for name in given if part.dropped and name.rpartition(".")[2] in BATCH_NORM_BUFFERS]
    names = [name for name in given if name not in outside]
    for place, (theirs, ours) in enumerate(zip(names, own, strict=False), start=1):
        alike = kind(given[theirs]) == kind(own[ours]) or ours not in wanted
        if not alike or theirs.rpartition(".")[2] != ours.rpartition(".")[2]:
            raise _another(path, model, f"tensor {place} is {_shown(theirs, given)} there and {_shown(ours, own)} here")
    if len(names) != len(own):
        raise _another(path, model, f"{len(names)} tensors there, {len(own)} here")
    tensors = {ours: given[theirs] for theirs, ours in zip(names, own, strict=True)}
    return Named(tensors, outside=tuple(outside), part=part)


def _another(path: Path, model: str, how: str) -> WeightsError:
    return WeightsError(
        f"{path}: looks like another architecture than model={model}: their tensors are paired by position, and "
        f"{how}; give weights of {model}"
    )


def _shown(name: str, tensors: Mapping[str, Tensor]) -> str:
    return f"{name} {tuple(tensors[name].shape)}"
