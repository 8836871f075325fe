"""A network and its layer groups: the unit of freezing and of learning rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from tlbench.networks.layer_groups import new_groups


def lies_under(name: str, prefix: str) -> bool:
    """Whether a dotted name is the prefix or lies under it, by whole components (`layer10.x` is not under `layer1`)."""
    return name == prefix or name.startswith(prefix + ".")


@dataclass(frozen=True, eq=False)
class Backbone:
    """The part of a network that a classifier has too: what weights of that, and of other networks on it, can fill.

    Args:
        module: The name of the module that it is.
        names: Tensor of the network → its name in the classifier; also what `Network.dropped` names.
        classifier: The classifier, on the meta device; its tensors that are in no `names` come behind the last map of
            features.
        arguments: What timm builds the classifier with beside its name.
    """

    module: str
    names: Mapping[str, str]
    classifier: nn.Module
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Network:
    """A module whose parameters and buffers each lie in exactly one layer group.

    Args:
        module: The network: images (B, 3, H, W) to outputs.
        groups: Layer group → prefixes of module names, ordered from input to head.
        head: The group that gives the outputs; the last one.
        dropped: Tensors that files of the architecture hold and this module no longer has (see `to_group_norm`).
        undecayed: Parameters that weight decay leaves alone beside biases and norms, as positional embeddings.
        new: Prefixes of what of the head is new for the target's labels, which no source gives; empty: all of it. Once
            weights are loaded also what of a decoder they did not give.
        dense: Whether its outputs are logits of each place of an image, (B, C, H, W), rather than of each image.
        backbone: What of it a classifier has too; None: all but what is new.

    Raises:
        ValueError: If a tensor lies in no group or in several, a prefix matches nothing, the head is not last, a
            dropped tensor is still there, or something new for the labels is no part of the head.
    """

    module: nn.Module
    groups: Mapping[str, tuple[str, ...]]
    head: str
    dropped: frozenset[str] = frozenset()
    undecayed: frozenset[str] = frozenset()
    new: tuple[str, ...] = ()
    dense: bool = False
    backbone: Backbone | None = None

    def __post_init__(self) -> None:
        if not self.groups or list(self.groups)[-1] != self.head:
            raise ValueError(f"the head group {self.head!r} is not the last of {list(self.groups)}")
        if not self.new:
            object.__setattr__(self, "new", self.groups[self.head])  # the class is frozen
        tensors = self.tensor_names()
        known = [name for name, _ in self.module.named_modules()] + tensors
        prefixes = [prefix for group in self.groups.values() for prefix in group]
        idle = [prefix for prefix in prefixes if not any(lies_under(name, prefix) for name in known)]
        if idle:
            raise ValueError(f"layer-group prefixes that match nothing: {', '.join(idle)}")
        orphans = [name for name in tensors if not self._groups_of(name)]
        if orphans:
            raise ValueError(f"parameters or buffers in no layer group: {', '.join(orphans)}")
        shared = [name for name in tensors if len(self._groups_of(name)) > 1]
        if shared:
            raise ValueError(f"parameters or buffers in more than one layer group: {', '.join(shared)}")
        kept = [name for name in tensors if name in self.dropped]
        if kept:
            raise ValueError(f"dropped tensors that the module still has: {', '.join(kept)}")
        allowed = new_groups(self.groups)
        astray = [p for p in self.new if not any(lies_under(p, o) for group in allowed for o in self.groups[group])]
        if astray:
            raise ValueError(
                f"new for the target's labels, but not in the group {' or '.join(map(repr, allowed))}: "
                f"{', '.join(astray)}"
            )
        absent = [prefix for prefix in self.new if not any(lies_under(name, prefix) for name in known)]
        if absent:
            raise ValueError(f"new for the target's labels, but not in the module: {', '.join(absent)}")

    def tensor_names(self) -> list[str]:
        """The names of all parameters and buffers."""
        return [name for name, _ in self.module.named_parameters()] + [name for name, _ in self.module.named_buffers()]

    def group_of(self, name: str) -> str:
        """The layer group of a parameter or buffer.

        Raises:
            ValueError: If it lies in none.
        """
        groups = self._groups_of(name)
        if not groups:
            raise ValueError(f"{name!r} lies in no layer group; groups: {', '.join(self.groups)}")
        return groups[0]

    def group_parameters(self, group: str) -> list[nn.Parameter]:
        """The group's parameters, in the module's order."""
        return [parameter for name, parameter in self.module.named_parameters() if self._holds(group, name)]

    def group_modules(self, group: str) -> list[nn.Module]:
        """The group's modules, nested ones included, in the module's order."""
        return [module for name, module in self.module.named_modules() if self._holds(group, name)]

    def is_new(self, name: str) -> bool:
        """Whether a parameter or buffer is new for the target's labels."""
        return any(lies_under(name, prefix) for prefix in self.new)

    def new_tensors(self) -> dict[str, Tensor]:
        """The parameters and buffers that are new for the target's labels, by name."""
        return {name: tensor for name, tensor in self.module.state_dict().items() if self.is_new(name)}

    def head_module(self) -> nn.Module:
        """The one module that is the head.

        Raises:
            ValueError: If the head is several modules or a bare parameter.
        """
        prefixes = self.groups[self.head]
        modules: dict[str, nn.Module] = dict(self.module.named_modules())
        if len(prefixes) != 1 or prefixes[0] not in modules:
            raise ValueError(f"the head group {self.head!r} is not one module but {', '.join(prefixes)}")
        return modules[prefixes[0]]

    def _holds(self, group: str, name: str) -> bool:
        return any(lies_under(name, prefix) for prefix in self.groups[group])

    def _groups_of(self, name: str) -> list[str]:
        return [group for group in self.groups if self._holds(group, name)]
