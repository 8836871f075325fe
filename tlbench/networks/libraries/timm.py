"""Any network of timm (Wightman 2019, https://github.com/huggingface/pytorch-image-models), with layer groups."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Any

import timm
from torch import nn

from tlbench.config import ModelConfig
from tlbench.config.size import Size, is_square
from tlbench.errors import ConfigError
from tlbench.networks.derived_groups import derive_groups
from tlbench.networks.layer_groups import HEAD
from tlbench.networks.network import Network
from tlbench.networks.probe import check_outputs
from tlbench.networks.user_groups import with_groups
from tlbench.system.exceptions import in_a_few_words

AUXILIARY_HEADS = ("aux_head", "AuxLogits")
"""Classifiers beside the one that `get_classifier` knows (VOLO, Inception-v3); they too are new for the labels."""


def timm_network(model: ModelConfig, num_classes: int, size: Size) -> Network:
    """A network of timm with random weights.

    Its layer groups are `stem`, `stage1` … and `head` (see `derive_groups`), or those that the configuration gives.

    Args:
        model: `name` as in `timm.list_models()`; `arguments` go to `timm.create_model`.
        num_classes: Outputs of the head.
        size: Height and width of the input in pixels; networks of a fixed input size are built for it.

    Raises:
        ConfigError: timm has no such network, or cannot build it with these arguments; it has no head of one module or
            several; the given groups are no partition; it does not take images of this size.
    """
    check_name(model.name)
    default = timm.get_pretrained_cfg(model.name)
    arguments = creation_arguments(model, size)
    try:
        module = timm.create_model(model.name, pretrained=False, num_classes=num_classes, **arguments)
    except Exception as error:
        given = ", ".join(f"{key}={value!r}" for key, value in arguments.items()) or "no arguments"
        raise ConfigError(
            f"model.name={model.name!r}: timm cannot build it with {given}: {in_a_few_words(error)}; correct "
            "model.arguments or data.image_size"
        ) from error
    if model.groups is not None:
        network = with_groups(module, model.groups)
    else:
        network = Network(module, derive_groups(module, head_names(module, model.name)), HEAD)
    if hasattr(module, "no_weight_decay"):  # class tokens, positional embeddings, tables of relative positions
        network = replace(network, undecayed=frozenset(module.no_weight_decay()))  # type: ignore[operator]
    way_out = "use another data.image_size"
    if default is not None:
        way_out += f", such as its own {default.input_size[-1]}"
    if model.arguments:
        way_out += ", or other model.arguments"
    check_outputs(module, num_classes, size, f"model.name={model.name!r}", way_out)
    return network


def check_name(name: str, before: str = "") -> None:
    """Make sure that timm has such a network.

    Args:
        name: As timm knows it.
        before: What stands before it in `model.name`.

    Raises:
        ConfigError: It has none.
    """
    if not timm.is_model(name):
        raise ConfigError(_unknown(name, before))


def creation_arguments(model: ModelConfig, size: Size) -> dict[str, Any]:
    """What `timm.create_model` gets beside name and number of classes; networks of a fixed size are built for it.

    Args:
        model: Its `arguments` come first.
        size: Height and width of the input, pixels.
    """
    default = timm.get_pretrained_cfg(model.name)
    fixed = default is not None and default.fixed_input_size
    return {**({"img_size": size[0] if is_square(size) else size} if fixed else {}), **model.arguments}


def head_names(module: nn.Module, name: str) -> list[str]:
    """The modules that give the logits; several in a distilled network or one of two branches, whose mean is taken.

    Args:
        module: A network of timm.
        name: Its name, for the message.

    Raises:
        ConfigError: It has none.
    """
    found = module.get_classifier() if hasattr(module, "get_classifier") else []  # type: ignore[operator]
    classifiers = list(found) if isinstance(found, list | tuple | nn.ModuleList) else [found]
    classifiers += [getattr(module, other) for other in AUXILIARY_HEADS if hasattr(module, other)]
    names = [n for n, m in module.named_modules() if any(m is classifier for classifier in classifiers)]
    if not any(True for n in names for _ in module.get_submodule(n).parameters()):
        raise ConfigError(
            f"model.name={name!r}: timm knows no classifier of it that could be the head; name its layer groups in "
            "model.groups"
        )
    return names


def _unknown(name: str, before: str) -> str:
    known = timm.list_models()
    close = difflib.get_close_matches(name, known, n=3) or [other for other in known if other.startswith(name)][:3]
    shown = ", ".join(before + other for other in close)
    hint = f"did you mean {shown}?" if close else "timm.list_models() shows them all"
    return f"model.name={before + name!r}: timm {timm.__version__} has no such network; {hint}"
