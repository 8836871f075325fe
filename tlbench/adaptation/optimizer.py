"""The optimizer of a configuration, over given parameter groups."""

from __future__ import annotations

from typing import Any

import torch

from tlbench.config import OptimizerConfig
from tlbench.errors import ConfigError
from tlbench.trust.names import CodeName, own_code
from tlbench.trust.own import own


def build_optimizer(
    config: OptimizerConfig, groups: list[dict[str, Any]], *, fused: bool = True
) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum, AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), or one of the user's own.

    Args:
        config: The optimizer's configuration.
        groups: Parameter groups with `params`, `lr` and `weight_decay`.
        fused: Of SGD and AdamW: fused kernels, one pass over all parameters, several times faster than the loop over
            tensors that is torch's default on a CPU. They undo a loss's scaling themselves, too late for clipping.

    Raises:
        ConfigError: An optimizer of the user's own cannot be built, or changes the parameter groups.
    """
    name = own_code(config, "optimizer")
    if name is not None:
        return _own_optimizer(name, config, groups)
    if config.name == "sgd":
        assert config.momentum is not None
        nesterov = config.momentum > 0
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov, fused=fused)
    assert config.betas is not None
    return torch.optim.AdamW(groups, lr=config.lr, betas=(config.betas[0], config.betas[1]), fused=fused)


def _own_optimizer(name: CodeName, config: OptimizerConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    optimizer: torch.optim.Optimizer = own(
        name, torch.optim.Optimizer, "torch.optim.Optimizer", given={"lr": config.lr}, positional=[groups]
    )
    found, wanted = ([group.get("name") for group in each] for each in (optimizer.param_groups, groups))
    if found != wanted:
        raise ConfigError(
            f"optimizer.import_path={name.import_path!r}: it has the parameter groups {found}, and was given {wanted}; "
            "let it keep them as they are"
        )
    return optimizer


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
