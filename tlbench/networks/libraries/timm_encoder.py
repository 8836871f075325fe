"""Networks of timm as encoders of others: which have the feature maps for it, and what they are as classifiers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import timm
import torch
from torch import Tensor, nn

from tlbench.config import ModelConfig
from tlbench.errors import ConfigError
from tlbench.networks.derived_groups import derive_groups
from tlbench.networks.group_prefixes import grouped
from tlbench.networks.layer_groups import HEAD, TIMM_ENCODER
from tlbench.networks.libraries.timm import check_name, head_names
from tlbench.networks.network import Network
from tlbench.system.exceptions import in_a_few_words

_PYRAMIDS = ([4, 8, 16, 32], [2, 4, 8, 16, 32], [1, 2, 4, 8, 16, 32])
_CLASSES = 1000
"""Of the classifier; some networks have none unless it is asked for."""

_WRAPPERS = ("model.", "body.")
"""What timm puts before the names of a network that it takes features of, in some of its ways to do so."""


@dataclass(frozen=True, eq=False)
class Encoder:
    """A network of timm as it is used for an encoder.

    Attributes:
        classifier: The same network with its head, without values.
        arguments: What timm builds both with.
    """

    classifier: nn.Module
    arguments: Mapping[str, Any]

    @property
    def has_tokens(self) -> bool:
        """Whether it has tokens beside those of the image's patches."""
        return getattr(self.classifier, "num_prefix_tokens", 0) > 0


def pyramid(model: ModelConfig, arguments: Mapping[str, Any], height: int, width: int) -> Encoder:
    """A network with feature maps at the strides 4, 8, 16 and 32, and perhaps before.

    Args:
        model: `name` begins with `tu-`.
        arguments: What of `model.arguments` is for timm.
        height: Of the images, in pixels.
        width: Likewise; both as they are once padded, for networks of a fixed input size.

    Raises:
        ConfigError: timm has no such network or cannot build it, or it has other feature maps.
    """
    strides = _strides(model)
    if strides not in _PYRAMIDS:
        if len(set(strides)) == 1:
            shown, way_out = f"all at stride {strides[0]}", "use model.decoder=dpt, which takes them so"
        else:
            shown, way_out = f"at strides {', '.join(map(str, strides))}", "use another encoder, such as tu-resnet18"
        raise ConfigError(
            f"model.name={model.name!r}: its feature maps are {shown}, and model.decoder={model.decoder} wants them at "
            f"4, 8, 16 and 32; {way_out}"
        )
    if not _is_of_one_size(model):
        return _built(model, arguments)
    return _built(model, arguments, {"strict_img_size": False}, {"img_size": (height, width)})


def vision_transformer(model: ModelConfig, arguments: Mapping[str, Any], height: int, width: int) -> Encoder:
    """A network whose feature maps all have the size of its grid of patches.

    Where timm can, its embeddings of positions keep the published size and are resized to each image's.

    Args:
        model: `name` begins with `tu-`.
        arguments: What of `model.arguments` is for timm.
        height: Of the images, in pixels, for networks that take one size alone.
        width: Likewise.

    Raises:
        ConfigError: timm has no such network or cannot build it, or it has other feature maps.
    """
    strides = set(_strides(model))
    stride = max(strides)
    if len(strides) > 1:
        raise ConfigError(
            f"model.name={model.name!r}: model.decoder=dpt is for vision transformers, whose feature maps are all at "
            "one stride; use model.decoder=fpn, or an encoder such as tu-vit_tiny_patch16_224"
        )
    if stride not in (4, 8, 16, 32):
        raise ConfigError(
            f"model.name={model.name!r}: its patches are {stride} pixels wide, and model.decoder=dpt doubles maps "
            "until they are the image's; use one of 8, 16 or 32 pixels, such as tu-vit_tiny_patch16_224"
        )
    return _built(model, arguments, {"dynamic_img_size": True}, {"img_size": (height, width)})


def names_in_classifier(own: Mapping[str, Tensor], classifier: Mapping[str, Tensor]) -> dict[str, str] | None:
    """A network of features, tensor by tensor: name → that in the classifier; None where one has none there.

    timm takes sequences of modules apart, whose names become `stages_0` for `stages.0`.

    Args:
        own: The tensors of the network of features.
        classifier: Those of the same network as a classifier.
    """
    found: dict[str, str] = {}
    for name, tensor in own.items():
        ways = (way for base in _unwrapped(name) for way in _joined_ways(base))
        known = next((way for way in ways if way in classifier and classifier[way].shape == tensor.shape), None)
        if known is None:
            return None
        found[name] = known
    return found if len(set(found.values())) == len(found) else None


def encoder_groups(
    encoder: nn.Module, names: Mapping[str, str], classifier: nn.Module, name: str
) -> dict[str, tuple[str, ...]]:
    """The layer groups of an encoder: those of the network as a classifier, without its head.

    Args:
        encoder: The network of features.
        names: Its tensors → those of the classifier.
        classifier: The same network with its head.
        name: Its name, for messages.

    Raises:
        ConfigError: timm knows no head of it.
    """
    whole = Network(classifier, derive_groups(classifier, head_names(classifier, name)), HEAD)
    groups = [group for group in whole.groups if group != HEAD]
    layers = {own: groups.index(whole.group_of(names[own])) for own, _ in encoder.named_parameters() if own in names}
    return grouped(encoder, (), layers, groups)


def _unwrapped(name: str) -> Iterator[str]:
    """A name, and what of it stands behind timm's wrappers."""
    yield name
    while name.startswith(_WRAPPERS):
        name = name.partition(".")[2]
        yield name


def _joined_ways(name: str) -> list[str]:
    """A name as it may have been before parts of its first component were joined by `_`."""
    first, dot, rest = name.partition(".")
    cuts = [place for place, character in enumerate(first) if character == "_"]
    return [name, *(f"{first[:cut]}.{first[cut + 1 :]}{dot}{rest}" for cut in cuts)]


def _strides(model: ModelConfig) -> list[int]:
    name = model.name.removeprefix(TIMM_ENCODER)
    check_name(name, TIMM_ENCODER)
    try:
        strides: list[int] = list(_on_meta(model.name, {"features_only": True}).feature_info.reduction())
    except Exception as error:
        raise ConfigError(
            f"model.name={model.name!r}: timm gives no feature maps of it ({in_a_few_words(error)}); use another "
            "encoder, such as tu-resnet18"
        ) from None
    return strides


def _is_of_one_size(model: ModelConfig) -> bool:
    known = timm.get_pretrained_cfg(model.name.removeprefix(TIMM_ENCODER))
    return known is not None and bool(known.fixed_input_size)


def _built(model: ModelConfig, arguments: Mapping[str, Any], *ways: Mapping[str, Any]) -> Encoder:
    """The network as a classifier; of further arguments the first that it has, unless the user gives any of them."""
    if any(arguments.keys() & way.keys() for way in ways):
        ways = ()
    for way in (*ways, {}):
        given = {**way, **arguments}
        try:
            return Encoder(_on_meta(model.name, {**given, "num_classes": _CLASSES}), given)
        except Exception as error:
            if way and isinstance(error, TypeError):  # it has no such argument
                continue
            shown = ", ".join(f"{key}={value!r}" for key, value in given.items()) or "no arguments"
            raise ConfigError(
                f"model.name={model.name!r}: timm cannot build it with {shown}: {in_a_few_words(error)}; correct "
                "model.arguments or data.image_size"
            ) from None
    raise AssertionError


def _on_meta(name: str, arguments: Mapping[str, Any]) -> Any:
    with torch.device("meta"):
        return timm.create_model(name.removeprefix(TIMM_ENCODER), pretrained=False, **arguments)
