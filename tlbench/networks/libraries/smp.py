"""Networks of segmentation_models_pytorch (Iakubovskii 2019, https://github.com/qubvel-org/segmentation_models.pytorch).

Their tensors keep its names: `encoder.…`, `decoder.…`, `segmentation_head.…`.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import segmentation_models_pytorch as smp
import torch
import torchvision.models
from torch import Tensor, nn

from tlbench.config import ModelConfig
from tlbench.config.size import Size
from tlbench.errors import ConfigError
from tlbench.networks.layer_groups import DECODER, HEAD, TIMM_ENCODER, known_groups
from tlbench.networks.libraries.timm_encoder import (
    Encoder,
    encoder_groups,
    names_in_classifier,
    pyramid,
    vision_transformer,
)
from tlbench.networks.network import Backbone, Network
from tlbench.networks.padding import padded
from tlbench.networks.probe import check_outputs
from tlbench.networks.user_groups import with_groups
from tlbench.system.exceptions import in_a_few_words

DECODERS: dict[str, Any] = {
    "unet": smp.Unet,
    "fpn": smp.FPN,
    "deeplabv3plus": smp.DeepLabV3Plus,
    "upernet": smp.UPerNet,
    "segformer": smp.Segformer,
    "dpt": smp.DPT,
}
"""Value of `model.decoder` → the network that it is a part of."""

ENCODER = "encoder"
"""The module that a classifier has too."""

_STRIDE = 32
"""The largest there is: of an encoder, or of the maps that DPT makes of a vision transformer's."""

_SET_HERE = (
    *("encoder_name", "encoder_weights", "encoder_depth", "in_channels", "classes", "activation", "aux_params"),
    "kwargs",
)


class Segmenter(nn.Module):
    """Encoder, decoder and head of a network of segmentation_models_pytorch, for images of any size.

    Images are padded to the network's stride and its logits cut back. Its own forward pass refuses other sizes, but not
    where it is traced, compiled or exported: it is never run here.

    Args:
        network: As segmentation_models_pytorch builds it.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.encoder: nn.Module = network.encoder
        self.decoder: nn.Module = network.decoder
        self.segmentation_head: nn.Module = network.segmentation_head
        self.with_tokens = isinstance(network, smp.DPT)  # its encoder gives (maps, tokens)
        self.stride = _STRIDE if self.with_tokens else int(network.encoder.output_stride)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, C, H, W) for images (B, 3, H, W)."""
        height, width = images.shape[-2:]
        features = self.encoder(padded(images, self.stride))
        maps = self.decoder(*features) if self.with_tokens else self.decoder(features)
        logits: Tensor = self.segmentation_head(maps)
        return logits[..., :height, :width]


def smp_network(model: ModelConfig, num_classes: int, size: Size) -> Network:
    """A network of segmentation_models_pytorch with random weights.

    Its layer groups are those of the encoder as a classifier, then `decoder` and `head`, or those that the
    configuration gives.

    Args:
        model: `name` is the encoder, a ResNet or `tu-` and a network of timm; `decoder` is one of `DECODERS`;
            `arguments` go to the decoder, and those that it has not to `timm.create_model`.
        num_classes: Outputs of the head.
        size: Height and width of the images in pixels; encoders of a fixed input size are built
            for it.

    Raises:
        ConfigError: There is no such encoder, it has not the feature maps that the decoder wants, the network cannot be
            built with these arguments or does not take such images, or the given groups are no partition.
    """
    assert model.decoder is not None
    kind = DECODERS[model.decoder]
    known = _arguments_of(model)
    given = {name: value for name, value in model.arguments.items() if name in known}
    encoder = encoder_of(model, size)
    if model.decoder == "dpt" and not encoder.has_tokens:
        given = {"decoder_readout": "ignore", **given}
    arguments = {**given, **encoder.arguments}
    try:
        built = kind(model.name, encoder_weights=None, classes=num_classes, activation=None, **arguments)
    except Exception as error:
        shown = ", ".join(f"{key}={value!r}" for key, value in arguments.items()) or "no arguments"
        raise ConfigError(
            f"model.decoder={model.decoder} with model.name={model.name!r}: segmentation_models_pytorch cannot build "
            f"it with {shown}: {in_a_few_words(error)}; {_way_out(model)}"
        ) from error
    if model.decoder == "dpt":  # its last norm and its classifier are behind the last map
        built.encoder.model.prune_intermediate_layers(built.encoder._output_indices, prune_norm=True, prune_head=True)
    network = _network(Segmenter(built), model, encoder)
    if model.arguments or model.name.startswith(TIMM_ENCODER):
        key = f"model.decoder={model.decoder} with model.name={model.name!r}"
        way_out = f"use another data.image_size, decoder or encoder{', or other arguments' if model.arguments else ''}"
        check_outputs(network.module, num_classes, size, key, way_out, dense=True)
    return network


def _arguments_of(model: ModelConfig) -> list[str]:
    """The names of the decoder's arguments; of others than these, timm knows what they are."""
    assert model.decoder is not None
    return [name for name in inspect.signature(DECODERS[model.decoder]).parameters if name not in _SET_HERE]


def _way_out(model: ModelConfig) -> str:
    if model.decoder == "deeplabv3plus" and model.name.startswith(TIMM_ENCODER):
        return "it dilates the encoder's last stages, which not every one can; use model.decoder=fpn, or tu-resnet18"
    return "correct model.arguments, or use another decoder or encoder"


def encoder_of(model: ModelConfig, size: Size) -> Encoder:
    """What the encoder of a network is as a classifier.

    Args:
        model: As of `smp_network`.
        size: Likewise.

    Raises:
        ConfigError: timm has no such network, or it has not the feature maps that the decoder wants; an argument is
            neither for the decoder nor for timm.
    """
    known = _arguments_of(model)
    arguments = {name: value for name, value in model.arguments.items() if name not in known}
    if model.name.startswith(TIMM_ENCODER):
        sides = (size[0] + -size[0] % _STRIDE, size[1] + -size[1] % _STRIDE)
        return (vision_transformer if model.decoder == "dpt" else pyramid)(model, arguments, *sides)
    if arguments:
        raise ConfigError(
            f"model.arguments.{next(iter(arguments))}: model.decoder={model.decoder} has no such argument; it has "
            f"{', '.join(known)}"
        )
    with torch.device("meta"):
        return Encoder(torchvision.models.get_model(model.name, weights=None), {})


def _network(module: Segmenter, model: ModelConfig, encoder: Encoder) -> Network:
    """The module with its layer groups, and what of it the encoder's classifier has too."""
    names = names_in_classifier(module.encoder.state_dict(), encoder.classifier.state_dict())
    if names is None:
        raise ConfigError(
            f"model.name={model.name!r}: its tensors as an encoder have other names than as a classifier; use another "
            "encoder, such as tu-resnet18"
        )
    groups = known_groups(model.library, model.name)
    if groups is None and model.groups is None:
        of_encoder = encoder_groups(module.encoder, names, encoder.classifier, model.name)
        groups = {group: tuple(f"{ENCODER}.{prefix}" for prefix in of) for group, of in of_encoder.items()}
        groups |= {DECODER: ("decoder",), HEAD: ("segmentation_head",)}
    undecayed: Collection[str] = getattr(
        encoder.classifier, "no_weight_decay", set
    )()  # tokens, embeddings and tables of positions
    network = with_groups(module, model.groups) if model.groups is not None else Network(module, groups or {}, HEAD)
    return replace(
        network,
        undecayed=frozenset(f"{ENCODER}.{name}" for name in names if names[name] in undecayed),
        new=("segmentation_head.head.4",) if model.decoder == "dpt" else network.new,
        dense=True,
        backbone=Backbone(
            ENCODER,
            {f"{ENCODER}.{name}": theirs for name, theirs in names.items()},
            encoder.classifier,
            encoder.arguments,
        ),
    )
