"""torchvision's classifiers by their names, with layer groups."""

from __future__ import annotations

import math
from typing import Any

import torch
import torchvision.models
from torch import Tensor, nn

from tlbench.config import ModelConfig
from tlbench.config.size import Size, is_square, size_text
from tlbench.errors import ConfigError
from tlbench.networks.group_prefixes import STEM, grouped, stages_of
from tlbench.networks.layer_groups import HEAD, LAYER_GROUPS
from tlbench.networks.network import Network
from tlbench.networks.probe import check_outputs
from tlbench.networks.user_groups import with_groups
from tlbench.system.exceptions import in_a_few_words

AUXILIARY_HEADS = ("AuxLogits", "aux1", "aux2")
"""Classifiers of Inception and GoogLeNet that published files hold; the networks are built without them."""

_OF_ONE_SIZE = ("vit_", "maxvit")  # and of squares
_OLD = ("inception_v3", "googlenet")
_USUAL_SIZE = {"inception_v3": 299}
_UNDECAYED = ("class_token", "pos_embedding", "relative_position_bias_table", "logit_scale")
_NORMS = nn.modules.batchnorm._BatchNorm | nn.LayerNorm | nn.GroupNorm


def resnet18(num_classes: int) -> Network:
    """ResNet-18 (He et al. 2016, arXiv:1512.03385) as in torchvision, with random weights.

    Its stem of 7 by 7 pixels and stride 2 and the max-pooling behind it stay whatever the input's side, so that
    pretrained weights load whole; a 32-pixel image reaches the average pooling as a single position.

    Args:
        num_classes: Outputs of the head.
    """
    return Network(
        module=torchvision.models.resnet18(weights=None, num_classes=num_classes),
        groups=LAYER_GROUPS["resnet18"],
        head=HEAD,
    )


def torchvision_network(model: ModelConfig, num_classes: int, size: Size) -> Network:
    """A classifier of torchvision with random weights.

    Its layer groups are those of ResNet-18 for all networks with its parts, else `stem`, `stage1` … and `head` (see
    `derived_groups`), or those that the configuration gives. Inception and GoogLeNet have no auxiliary outputs, and
    normalise images anew as their published weights want it.

    Args:
        model: `name` is one of `TORCHVISION_MODELS`.
        num_classes: Outputs of the head.
        size: Height and width of the input in pixels; networks of a fixed input size are built for it.

    Raises:
        ConfigError: torchvision cannot build it for such images, it does not take them, or the given groups are no
            partition.
    """
    key, usual = f"model.name={model.name!r}", _USUAL_SIZE.get(model.name, 224)
    if model.name not in torchvision.models.list_models():
        raise ConfigError(f"{key}: torchvision {torchvision.__version__} has no such network; install a newer one")
    if model.name.startswith(_OF_ONE_SIZE) and not is_square(size):
        raise ConfigError(
            f"data.image_size={size_text(size)}: torchvision's {model.name} takes square images alone; use one number, "
            f"such as its own {usual}, or a network of timm (model=timm)"
        )
    try:
        module = _built(model.name, num_classes, size)
    except Exception as error:  # of a size that its patches or windows do not divide
        raise ConfigError(
            f"data.image_size={size_text(size)}: torchvision cannot build {model.name} for it: "
            f"{in_a_few_words(error)}; use its own {usual}, or a size that its patches and windows divide"
        ) from None
    if model.groups is not None:
        network = with_groups(module, model.groups)
    else:
        undecayed = frozenset(n for n, _ in module.named_parameters() if n.rpartition(".")[2] in _UNDECAYED)
        made_for = size if model.name.startswith(_OF_ONE_SIZE) else (usual, usual)
        groups = LAYER_GROUPS.get(model.name) or derived_groups(module, made_for)
        network = Network(module, groups, HEAD, undecayed=undecayed)
    check_outputs(module, num_classes, size, key, f"use another data.image_size, such as its own {usual}")
    return network


def head_of(module: nn.Module) -> str:
    """The name of the layer that gives the logits: the last one, linear or a convolution."""
    names: list[str] = [name for name, part in module.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    return names[-1]


def derived_groups(module: nn.Module, size: Size) -> dict[str, tuple[str, ...]]:
    """The groups `stem`, `stage1` …, `head` of a network.

    An image is sent through it without any arithmetic. The stem is its first convolution, and all that keeps the
    image's full resolution; a stage is what has the same resolution after it. A network that changes its resolution
    less than three times (ViT, AlexNet) is cut into four by its depth.

    Args:
        module: The network.
        size: Height and width of the image in pixels: those that the network is made for, whatever the experiment's, so
            that the groups do not depend on these.
    """
    head, units, reductions = head_of(module), _units(module), _reductions(module, size)
    layers: dict[str, int] = {}
    ends: dict[int, int] = {}
    layer = -1
    for unit, part in units:
        if unit == head or (isinstance(part, nn.Module) and not list(part.parameters())):
            continue
        norm_before = isinstance(part, _NORMS) and unit.endswith(".0")  # as before ConvNeXt's downsampling
        goes_on = isinstance(part, Tensor | _NORMS) or (unit.split(".")[0] == STEM and layer >= 0)
        if not goes_on or norm_before:
            layer += 1
        below = [unit] if isinstance(part, Tensor) else [f"{unit}.{own}" for own, _ in part.named_parameters()]
        layers |= dict.fromkeys(below, max(layer, 0))
        if unit in reductions and not norm_before:
            ends[reductions[unit]] = layer
    stem = ends.pop(0, 0)
    stages = stages_of(max(layers.values()), stem, sorted({end for end in ends.values() if end > stem}))
    return grouped(module, [head], layers, stages)


def _built(name: str, num_classes: int, size: Size) -> nn.Module:
    arguments: dict[str, Any] = {}
    if name.startswith(_OF_ONE_SIZE):
        arguments = {"image_size": size[0]} if name.startswith("vit") else {"input_size": size}
    elif name in _OLD:
        arguments = {"aux_logits": False, "transform_input": True, "init_weights": True}
    module: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=num_classes, **arguments)
    return module


def _units(module: nn.Module, prefix: str = "") -> list[tuple[str, Any]]:
    """The parts of a network in the order of its forward pass, sequences and encoders taken apart; bare parameters."""
    found: list[tuple[str, Any]] = [(prefix + name, value) for name, value in module.named_parameters(recurse=False)]
    for name, child in module.named_children():
        taken_apart = isinstance(child, nn.Sequential | nn.ModuleList) or name == "encoder"
        found += _units(child, f"{prefix}{name}.") if taken_apart else [(prefix + name, child)]
    return found


def _reductions(module: nn.Module, size: Size) -> dict[str, int]:
    """Unit → how often the image's side is halved behind it; of those alone whose outputs are maps."""
    found: dict[str, int] = {}

    def keep(unit: str, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            found[unit] = round(math.log2(size[0] / output.shape[2]))  # of (B, C, H, W), and of Swin's (B, H, W, C)

    training = module.training
    handles = [
        part.register_forward_hook(lambda _m, _i, output, unit=unit: keep(unit, output))
        for unit, part in _units(module)
        if isinstance(part, nn.Module)
    ]
    state = {name: tensor.detach().to("meta") for name, tensor in module.state_dict(keep_vars=True).items()}
    try:
        with torch.no_grad(), torch.device("meta"):
            torch.func.functional_call(module.eval(), state, torch.empty(2, 3, *size))
    finally:
        module.train(training)
        for handle in handles:
            handle.remove()
    return found
