"""Freezing layer groups so that frozen means frozen: no gradient, no statistics, no dropout."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tlbench.networks.network import Network
from tlbench.networks.norms import batch_norm_layers

BatchNormPolicy = Literal["statistics", "statistics_and_affine"]


class Freezing:
    """Which parts of a network train.

    A frozen layer group has `requires_grad=False` and its modules in eval mode, so that BatchNorm neither updates its
    running statistics nor normalises by the batch. Nothing before the first trainable group then takes part in
    autograd: no graph is recorded and no activation is kept, as under `torch.no_grad()`.

    Args:
        network: Its modules are changed in place.

    Attributes:
        trainable: The layer groups that train.
        batch_norm: What of BatchNorm is frozen in groups that train; None: nothing.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.trainable: tuple[str, ...] = tuple(network.groups)
        self.batch_norm: BatchNormPolicy | None = None
        self._parameters = {group: network.group_parameters(group) for group in network.groups}

    @property
    def frozen(self) -> tuple[str, ...]:
        """The layer groups that do not train, from input to head."""
        return tuple(group for group in self.network.groups if group not in self.trainable)

    def set_trainable(self, groups: Collection[str]) -> None:
        """Freeze all layer groups but these."""
        self.trainable = tuple(group for group in self.network.groups if group in groups)
        self._apply_gradients()
        self.apply_modes()

    def freeze_batch_norm(self, policy: BatchNormPolicy | None) -> None:
        """Freeze BatchNorm also in groups that train: its running statistics, and with a policy its affine weights."""
        self.batch_norm = policy
        self._apply_gradients()
        self.apply_modes()

    def count(self, groups: Collection[str]) -> int:
        """How many numbers would train, if these layer groups did, under the policy for BatchNorm."""
        fixed: set[nn.Parameter] = set()
        if self.batch_norm == "statistics_and_affine":
            fixed = {p for _, layer in batch_norm_layers(self.network.module) for p in layer.parameters()}
        return sum(p.numel() for group in groups for p in self.network.group_parameters(group) if p not in fixed)

    def apply_modes(self) -> None:
        """Put what is frozen into eval mode, where the network is in train mode; call it whenever that is entered."""
        if not self.network.module.training:
            return
        for group in self.network.groups:  # looked up anew: BatchNorm layers are replaced where they are synchronised
            for module in self.network.group_modules(group):
                fixed = self.batch_norm is not None and isinstance(module, _BatchNorm)
                module.training = group in self.trainable and not fixed

    def _apply_gradients(self) -> None:
        affine_fixed = self.batch_norm == "statistics_and_affine"
        for group, parameters in self._parameters.items():
            for parameter in parameters:
                parameter.requires_grad_(group in self.trainable)
            if affine_fixed:
                for module in self.network.group_modules(group):
                    if isinstance(module, _BatchNorm):
                        module.requires_grad_(False)


def group_hash(network: Network, group: str) -> str:
    """SHA-256 (hex) over names, shapes and bytes of a layer group's parameters and buffers."""
    state = network.module.state_dict()
    return tensors_hash({name: tensor for name, tensor in state.items() if network.group_of(name) == group})


def tensors_hash(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 (hex) over names, shapes and bytes of tensors."""
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
