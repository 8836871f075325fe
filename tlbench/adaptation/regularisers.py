"""Penalties that keep a network near its source, and away from those of its directions that transfer badly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from tlbench.config import RegulariserConfig
from tlbench.errors import ConfigError
from tlbench.networks.head_input import HeadInput
from tlbench.networks.network import Network


class Regulariser:
    """The penalties that a configuration asks for, together.

    Args:
        network: The network, at the source's weights (see `SourcePenalty`).
        config: Their strengths; a strength of 0 switches a penalty off.

    Attributes:
        active: Whether there is any penalty.

    Raises:
        ConfigError: Batch spectral shrinkage on a network whose head is several modules.
    """

    def __init__(self, network: Network, config: RegulariserConfig) -> None:
        self._config = config
        towards_source = config.l2_sp > 0 or config.l2_sp_head > 0
        self._source = SourcePenalty(network, config.l2_sp, config.l2_sp_head) if towards_source else None
        self._head_input = _head_input(network, config.bss) if config.bss > 0 else None
        self._features: Tensor | None = None
        self.active = towards_source or config.bss > 0

    @contextmanager
    def watch(self, features: Tensor | None = None) -> Iterator[None]:
        """Keep the features of the forward pass inside for the next `penalty`.

        Args:
            features: The head's inputs where they are known, as the backbone is not run; None: caught on their way.
        """
        if self._head_input is None or features is not None:
            self._features = features
            yield
            return
        with self._head_input:
            yield
        self._features = self._head_input.take()

    def penalty(self) -> Tensor:
        """All penalties of the watched forward pass, a scalar. Features that nothing trains are not shrunk.

        Raises:
            ConfigError: bss_k is more than the features' singular values.
        """
        total = torch.zeros(()) if self._source is None else self._source.penalty()
        features, self._features = self._features, None
        if self._config.bss > 0 and features is not None:
            _check_k(features, self._config.bss_k)  # at the first step, also where the backbone trains only later
            if features.requires_grad:
                total = total + self._config.bss * batch_spectral_shrinkage(features, self._config.bss_k)
        return total


def _head_input(network: Network, bss: float) -> HeadInput:
    try:
        return HeadInput(network)
    except ValueError as error:
        raise ConfigError(f"regulariser.bss={bss:g}: {error}, so it has no one input; use regulariser=none") from None


class SourcePenalty:
    """L2-SP: alpha/2 · Σ_backbone ‖w − w⁰‖² + beta/2 · ‖w_head‖², w⁰ being the source's weights.

    Li, Grandvalet & Davoine 2018, "Explicit inductive bias for transfer learning with convolutional networks",
    arXiv:1802.01483. It takes the place of weight decay. All parameters count, normalisation layers and biases too.

    w⁰ are the weights at construction, so build it right after the source's are loaded. A resumed run does the same
    and restores its checkpoint later: w⁰ is then the source's again, which no checkpoint needs to hold.

    Args:
        network: The network, at the source's weights.
        alpha: ≥ 0, the pull of the backbone (all that a source gives) towards the source.
        beta: ≥ 0, the pull of the head (what is new for the target's labels) towards zero.
    """

    def __init__(self, network: Network, alpha: float, beta: float) -> None:
        self.alpha, self.beta = alpha, beta
        named = list(network.module.named_parameters())
        self._backbone = [parameter for name, parameter in named if not network.is_new(name)]
        self._head = [parameter for name, parameter in named if network.is_new(name)]
        self._source = [parameter.detach().clone() for parameter in self._backbone]
        self._zeros = [torch.zeros_like(parameter.detach()) for parameter in self._head]

    def penalty(self) -> Tensor:
        """The penalty of the parameters that now require gradients, a scalar; it never waits for the device.

        A frozen layer group adds exactly zero, as it is where it started. The gradient is alpha · (w − w⁰) in the
        backbone and beta · w in the head.
        """
        backbone = _pull(self.alpha, self._backbone, self._source)
        return backbone + _pull(self.beta, self._head, self._zeros)


def _pull(strength: float, parameters: Sequence[nn.Parameter], centres: list[Tensor]) -> Tensor:
    trainable = [index for index, parameter in enumerate(parameters) if parameter.requires_grad]
    if strength == 0 or not trainable:
        return torch.zeros((), device=parameters[0].device if parameters else None)
    for index in trainable:
        centres[index] = _beside(centres[index], parameters[index])
    weights = [parameters[index] for index in trainable]
    total: Tensor = _HalfSquaredDistance.apply(strength, [centres[index] for index in trainable], *weights)
    return total


def _beside(centre: Tensor, parameter: Tensor) -> Tensor:
    # layout too (channels_last): kernels over many tensors need the same one
    if centre.device == parameter.device and centre.stride() == parameter.stride():
        return centre
    return torch.empty_like(parameter.detach()).copy_(centre)


class _HalfSquaredDistance(torch.autograd.Function):
    """strength/2 · Σ ‖w − centre‖²; a few kernels for all tensors, where plain autograd launches several for each."""

    @staticmethod
    def forward(ctx: Any, strength: float, centres: list[Tensor], *weights: Tensor) -> Tensor:
        differences = torch._foreach_sub(weights, centres)
        ctx.strength = strength
        ctx.save_for_backward(*differences)
        return torch.stack(torch._foreach_norm(differences)).square().sum() * (strength / 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *torch._foreach_mul(ctx.saved_tensors, gradient * ctx.strength)


def batch_spectral_shrinkage(features: Tensor, k: int) -> Tensor:
    """The sum of the k smallest squared singular values of a batch's feature matrix, a scalar.

    Chen et al. 2019, "Catastrophic forgetting meets negative transfer: Batch spectral shrinkage for safe transfer
    learning", NeurIPS. It waits for the device, as its eigenvalues are found iteratively.

    Args:
        features: What the head sees, (B, D), or (B, …), which is flattened.
        k: How many singular values, 1 ≤ k ≤ min(B, D).

    Raises:
        ConfigError: If k is outside that range.
    """
    _check_k(features, k)
    matrix = features.flatten(start_dim=1)
    if matrix.device.type == "mps":
        matrix = matrix.cpu()  # MPS has no float64
    with torch.autocast(matrix.device.type, enabled=False):
        # σ² as the eigenvalues of the smaller Gram matrix: much faster than an SVD, and its gradient divides by no gap
        # between eigenvalues. In float64, as the Gram matrix squares the condition number.
        matrix = matrix.double()
        gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
        try:
            smallest: Tensor = torch.linalg.eigvalsh(gram)[:k]
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            smallest = gram.sum() * torch.nan  # features that are not finite: the loss then says so, with its step
        return smallest.sum().float().to(features.device)


def _check_k(features: Tensor, k: int) -> None:
    samples, dimensions = len(features), math.prod(features.shape[1:])
    most = min(samples, dimensions)
    if not 1 <= k <= most:
        raise ConfigError(
            f"regulariser.bss_k={k}: a batch of {samples} samples with {dimensions} features has {most} singular "
            f"values; allowed: 1 to {most}"
        )
