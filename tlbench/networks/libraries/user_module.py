"""A network of the user's own, by import path."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from tlbench.config import ModelConfig
from tlbench.config.size import Size
from tlbench.networks.network import Network
from tlbench.networks.probe import check_outputs
from tlbench.networks.user_groups import with_groups
from tlbench.trust.names import own_code
from tlbench.trust.own import own


def user_network(model: ModelConfig, num_classes: int, size: Size) -> Network:
    """Import and build a network of the user's own; modules of the working folder can be imported.

    It must give logits for images (B, 3, *size), also on a CPU: (B, num_classes), or (B, num_classes, *size) for tasks
    that want them for each place of an image.

    Args:
        model: `import_path` names a class or function, called with `num_classes` and `arguments`; `groups` are its
            layer groups.
        num_classes: Outputs of the head.
        size: Height and width of the input, pixels.

    Raises:
        ConfigError: It cannot be imported, called or built; it is no `nn.Module`; its outputs are no such logits; the
            groups are no partition of its parameters and buffers.
    """
    assert model.groups is not None
    name = own_code(model, "model")
    assert name is not None
    module = own(name, nn.Module, "torch.nn.Module", given={"num_classes": num_classes})
    key = f"model.import_path={model.import_path!r}"
    dense = check_outputs(module, num_classes, size, key, "correct it, or use another data.image_size", dense=None)
    return replace(with_groups(module, model.groups), dense=dense)
