"""The optimizer of a configuration, over given parameter groups."""

from __future__ import annotations

from typing import Any

import torch

from tlbench.config import OptimizerConfig


def build_optimizer(
    config: OptimizerConfig, groups: list[dict[str, Any]], *, fused: bool = True
) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum, or AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101).

    Args:
        config: The optimizer's configuration.
        groups: Parameter groups with `params`, `lr` and `weight_decay`.
        fused: Fused kernels: one pass over all parameters, several times faster than the loop over tensors that is
            torch's default on a CPU. They undo a loss's scaling themselves, too late for clipping.
    """
    if config.name == "sgd":
        assert config.momentum is not None
        nesterov = config.momentum > 0
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov, fused=fused)
    assert config.betas is not None
    return torch.optim.AdamW(groups, lr=config.lr, betas=(config.betas[0], config.betas[1]), fused=fused)


def momentum_at(config: OptimizerConfig, step: int, warmup_steps: int) -> float:
    """SGD's momentum in a training step (0-based), which rises linearly over the warm-up where the options say so.

    Args:
        config: SGD's configuration.
        step: The step.
        warmup_steps: Steps of the warm-up, whose end has the momentum itself.
    """
    assert config.momentum is not None
    if config.warmup_momentum is None or step >= warmup_steps:
        return config.momentum
    return config.warmup_momentum + (config.momentum - config.warmup_momentum) * step / warmup_steps
