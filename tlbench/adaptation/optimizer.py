"""The optimizer of a configuration, over given parameter groups."""

from __future__ import annotations

from typing import Any

import torch

from tlbench.config import OptimizerConfig


def build_optimizer(config: OptimizerConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum, or AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101).

    Fused kernels: one pass over all parameters, several times faster than the loop over tensors that is torch's
    default on a CPU.

    Args:
        config: The optimizer's configuration.
        groups: Parameter groups with `params`, `lr` and `weight_decay`.
    """
    if config.name == "sgd":
        assert config.momentum is not None
        nesterov = config.momentum > 0
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov, fused=True)
    assert config.betas is not None
    return torch.optim.AdamW(groups, lr=config.lr, betas=(config.betas[0], config.betas[1]), fused=True)
