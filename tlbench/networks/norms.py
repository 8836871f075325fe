"""BatchNorm layers, and group normalisation in their place (Wu & He 2018, "Group normalization", arXiv:1803.08494).

Group normalisation takes its statistics from one image's channels, so that it does the same at any batch size and
holds no running statistics.
"""

from __future__ import annotations

from typing import TypeGuard

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

MAX_GROUPS = 32
"""The paper's default."""

BATCH_NORM_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")

# timm's BatchNorm layers with the activation behind it built in; recognised by name, as timm takes long to import
_FUSED = {"BatchNormAct2d", "SyncBatchNormAct"}
_FUSED_PARTS = {"drop", "act"}


def is_batch_norm(module: nn.Module) -> TypeGuard[_BatchNorm]:
    """Whether the module is a BatchNorm layer of torch or one derived from it, as timm's `BatchNormAct2d`."""
    return isinstance(module, _BatchNorm)


def is_fused(module: nn.Module) -> bool:
    """Whether the module is a BatchNorm layer of timm with the activation behind it built in."""
    return any(kind.__name__ in _FUSED and kind.__module__.startswith("timm.") for kind in type(module).__mro__)


def batch_norm_layers(module: nn.Module) -> list[tuple[str, _BatchNorm]]:
    """All BatchNorm layers with their dotted names, in the module's order, each once; the root's name is ""."""
    return [(name, layer) for name, layer in module.named_modules() if is_batch_norm(layer)]


def group_count(channels: int) -> int:
    """The largest divisor of the channels that is at most 32 (64 → 32, 48 → 24, 37 → 1).

    Raises:
        ValueError: If there are no channels.
    """
    if channels < 1:
        raise ValueError(f"a normalisation layer of {channels} channels has no groups; build lazy layers first")
    return next(groups for groups in range(min(channels, MAX_GROUPS), 0, -1) if channels % groups == 0)


def to_group_norm(module: nn.Module) -> list[str]:
    """Put a GroupNorm layer in the place of every BatchNorm layer, at any depth.

    Weights, biases (the very parameters), eps and train mode are kept, and so are the names of the parameters; a layer
    used at two places stays one layer. A layer of timm with a built-in activation becomes timm's `GroupNormAct` with
    the same `drop` and `act` modules.

    Args:
        module: Changed in place, or not at all where this raises.

    Returns:
        The names of the buffers that are gone: running means, running variances and counters.

    Raises:
        ValueError: If the module itself is a BatchNorm layer, or a layer has parts besides an activation.
    """
    if is_batch_norm(module):
        raise ValueError(f"the module itself is a {type(module).__name__}, which cannot be replaced in place")
    replacements: dict[nn.Module, nn.Module] = {
        layer: _group_norm(name, layer) for name, layer in batch_norm_layers(module)
    }
    before = [name for name, _ in module.named_buffers(remove_duplicate=False)]
    for parent in list(module.modules()):
        for name, child in list(parent._modules.items()):  # named_children leaves out a layer's second name
            if child in replacements:
                parent.add_module(name, replacements[child])
    after = {name for name, _ in module.named_buffers(remove_duplicate=False)}
    return [name for name in before if name not in after]


def _group_norm(name: str, layer: _BatchNorm) -> nn.GroupNorm:
    fused = is_fused(layer)
    others = [part for part, _ in layer.named_children() if not fused or part not in _FUSED_PARTS]
    if others:
        raise ValueError(
            f"{name} is a {type(layer).__name__} with parts of its own ({', '.join(others)}), which GroupNorm has not; "
            "give model.norm=batch"
        )
    channels = layer.num_features
    groups = group_count(channels)
    if fused:
        from timm.layers.norm_act import GroupNormAct

        new: nn.GroupNorm = GroupNormAct(channels, groups, eps=layer.eps, affine=layer.affine, apply_act=False)
        for part, child in layer.named_children():
            new.add_module(part, child)
    else:
        new = nn.GroupNorm(groups, channels, eps=layer.eps, affine=layer.affine)
    new.weight, new.bias = layer.weight, layer.bias
    new.training = layer.training  # not train(), which would reach into the activation
    return new
