"""How others name the tensors of networks that are known here under other names.

Each way gives, for every tensor of a network's backbone, the tensors in the file that it is made of: one, or several
that are joined along their first dimension (transformers keeps query, key and value apart).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from torch import nn

Parts = Mapping[str, tuple[str, ...]]
"""The network's name → the names in a file."""

_Rules = Sequence[tuple[str, str | tuple[str, ...]]]

_RESNET_OF_TRANSFORMERS: _Rules = (
    (r"conv1\.(.*)", r"embedder.embedder.convolution.\1"),
    (r"bn1\.(.*)", r"embedder.embedder.normalization.\1"),
    (r"layer(\d+)\.(\d+)\.conv(\d)\.(.*)", r"encoder.stages.<\1>.layers.\2.layer.<\3>.convolution.\4"),
    (r"layer(\d+)\.(\d+)\.bn(\d)\.(.*)", r"encoder.stages.<\1>.layers.\2.layer.<\3>.normalization.\4"),
    (r"layer(\d+)\.(\d+)\.downsample\.0\.(.*)", r"encoder.stages.<\1>.layers.\2.shortcut.convolution.\3"),
    (r"layer(\d+)\.(\d+)\.downsample\.1\.(.*)", r"encoder.stages.<\1>.layers.\2.shortcut.normalization.\3"),
)
"""`<n>` is n − 1: torchvision counts from 1."""

_VIT_BEGIN: _Rules = (
    (r"cls_token", "embeddings.cls_token"),
    (r"pos_embed", "embeddings.position_embeddings"),
    (r"patch_embed\.proj\.(.*)", r"embeddings.patch_embeddings.projection.\1"),
    (
        r"blocks\.(\d+)\.attn\.qkv\.(.*)",
        tuple(rf"encoder.layer.\1.attention.attention.{part}.\2" for part in ("query", "key", "value")),
    ),
    (r"blocks\.(\d+)\.attn\.proj\.(.*)", r"encoder.layer.\1.attention.output.dense.\2"),
    (r"norm\.(.*)", r"layernorm.\1"),
)
_VIT_OF_TRANSFORMERS: _Rules = (
    *_VIT_BEGIN,
    (r"blocks\.(\d+)\.norm1\.(.*)", r"encoder.layer.\1.layernorm_before.\2"),
    (r"blocks\.(\d+)\.norm2\.(.*)", r"encoder.layer.\1.layernorm_after.\2"),
    (r"blocks\.(\d+)\.mlp\.fc1\.(.*)", r"encoder.layer.\1.intermediate.dense.\2"),
    (r"blocks\.(\d+)\.mlp\.fc2\.(.*)", r"encoder.layer.\1.output.dense.\2"),
)
_DINO_V2_OF_TRANSFORMERS: _Rules = (
    *_VIT_BEGIN,
    (r"blocks\.(\d+)\.(norm[12]|mlp\.fc[12])\.(.*)", r"encoder.layer.\1.\2.\3"),
    (r"blocks\.(\d+)\.ls([12])\.gamma", r"encoder.layer.\1.layer_scale\2.lambda1"),
)
_CONVNEXT_OF_TRANSFORMERS: _Rules = (
    (r"stem\.0\.(.*)", r"embeddings.patch_embeddings.\1"),
    (r"stem\.1\.(.*)", r"embeddings.layernorm.\1"),
    (r"stages\.(\d+)\.downsample\.(\d)\.(.*)", r"encoder.stages.\1.downsampling_layer.\2.\3"),
    (r"stages\.(\d+)\.blocks\.(\d+)\.gamma", r"encoder.stages.\1.layers.\2.layer_scale_parameter"),
    (r"stages\.(\d+)\.blocks\.(\d+)\.conv_dw\.(.*)", r"encoder.stages.\1.layers.\2.dwconv.\3"),
    (r"stages\.(\d+)\.blocks\.(\d+)\.norm\.(.*)", r"encoder.stages.\1.layers.\2.layernorm.\3"),
    (r"stages\.(\d+)\.blocks\.(\d+)\.mlp\.fc([12])\.(.*)", r"encoder.stages.\1.layers.\2.pwconv\3.\4"),
    (r"head\.norm\.(.*)", r"layernorm.\1"),
)
_VIT_OF_TORCHVISION: _Rules = (
    (r"cls_token", "class_token"),
    (r"pos_embed", "encoder.pos_embedding"),
    (r"patch_embed\.proj\.(.*)", r"conv_proj.\1"),
    (r"blocks\.(\d+)\.norm([12])\.(.*)", r"encoder.layers.encoder_layer_\1.ln_\2.\3"),
    (r"blocks\.(\d+)\.attn\.qkv\.(.*)", r"encoder.layers.encoder_layer_\1.self_attention.in_proj_\2"),
    (r"blocks\.(\d+)\.attn\.proj\.(.*)", r"encoder.layers.encoder_layer_\1.self_attention.out_proj.\2"),
    (r"blocks\.(\d+)\.mlp\.fc1\.(.*)", r"encoder.layers.encoder_layer_\1.mlp.0.\2"),
    (r"blocks\.(\d+)\.mlp\.fc2\.(.*)", r"encoder.layers.encoder_layer_\1.mlp.3.\2"),
    (r"norm\.(.*)", r"encoder.ln.\1"),
)
_VIT_OF_TIMM: _Rules = (
    (r"class_token", "cls_token"),
    (r"encoder\.pos_embedding", "pos_embed"),
    (r"conv_proj\.(.*)", r"patch_embed.proj.\1"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.ln_([12])\.(.*)", r"blocks.\1.norm\2.\3"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.self_attention\.in_proj_(.*)", r"blocks.\1.attn.qkv.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.self_attention\.out_proj\.(.*)", r"blocks.\1.attn.proj.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.mlp\.0\.(.*)", r"blocks.\1.mlp.fc1.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.mlp\.3\.(.*)", r"blocks.\1.mlp.fc2.\2"),
    (r"encoder\.ln\.(.*)", r"norm.\1"),
)
_OLD_TORCHVISION: _Rules = (
    (r"(.*denselayer\d+\.(?:norm|conv))([12])\.(.*)", r"\1.\2.\3"),
    (r"(.*encoder_layer_\d+\.mlp)\.0\.(.*)", r"\1.linear_1.\2"),
    (r"(.*encoder_layer_\d+\.mlp)\.3\.(.*)", r"\1.linear_2.\2"),
)
_OF_TIMM = (
    ("transformers' ResNet", _RESNET_OF_TRANSFORMERS),
    ("transformers' ViT", _VIT_OF_TRANSFORMERS),
    ("transformers' DINOv2", _DINO_V2_OF_TRANSFORMERS),
    ("transformers' ConvNeXt", _CONVNEXT_OF_TRANSFORMERS),
    ("torchvision's ViT", _VIT_OF_TORCHVISION),
)


def known_names(module: nn.Module, backbone: Iterable[str]) -> Iterator[tuple[str, Parts]]:
    """The ways in which a file may name a network's tensors, its own first: whose names, and these.

    Args:
        module: The network.
        backbone: The names of its tensors that are wanted.
    """
    own: dict[str, tuple[str, ...]] = {name: (name,) for name in backbone}
    yield "", own
    in_timm = _renamed(own, _VIT_OF_TIMM)
    ways = [("older torchvision's", _renamed(own, _OLD_TORCHVISION, whole=False)), ("timm's ViT", in_timm)]
    ways += [(whose, _renamed(begun, rules)) for whose, rules in _OF_TIMM for begun in (own, in_timm)]
    in_torchvision = _renamed(own, _VIT_OF_TORCHVISION)
    ways.append(("older torchvision's ViT", _renamed(in_torchvision, _OLD_TORCHVISION, whole=False)))
    ways += [("the numbers of nn.Sequential", _numbered(own, numbers)) for numbers in _numbers(module, own)]
    ways.append(("timm's networks of features", _flattened(module, own)))
    yield from ((whose, parts) for whose, parts in ways if parts)


def _renamed(names: Parts, rules: _Rules, *, whole: bool = True) -> dict[str, tuple[str, ...]]:
    """Names by rules; none where a name has no rule, or with `whole=False` where none has."""
    found: dict[str, tuple[str, ...]] = {}
    changed = False
    for own, (name,) in ((own, parts) for own, parts in names.items() if len(parts) == 1):
        rule = next(((match, to) for pattern, to in rules if (match := re.fullmatch(pattern, name))), None)
        if rule is None and whole:
            return {}
        changed |= rule is not None
        found[own] = (name,) if rule is None else _expanded(*rule)
    return found if changed else {}


def _expanded(match: re.Match[str], to: str | tuple[str, ...]) -> tuple[str, ...]:
    names = (to,) if isinstance(to, str) else to
    return tuple(re.sub(r"<(\d+)>", lambda number: str(int(number[1]) - 1), match.expand(name)) for name in names)


def _flattened(module: nn.Module, own: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Names where sequences of modules are taken apart, `stages_0.…` for `stages.0.…`; none where there is none."""
    sequences = {name for name, part in module.named_children() if isinstance(part, nn.Sequential)}
    found: dict[str, tuple[str, ...]] = {
        name: (name.replace(".", "_", 1) if name.split(".")[0] in sequences else name,) for name in own
    }
    return found if any(name != parts[0] for name, parts in found.items()) else {}


def _numbers(module: nn.Module, own: Iterable[str]) -> Iterator[dict[str, int]]:
    """The numbers that a network's parts have in `nn.Sequential(*module.children())`, of all and of those in need."""
    parts: list[Any] = [name for name, _ in module.named_children()]
    yield {name: number for number, name in enumerate(parts)}
    needed = {name.split(".")[0] for name in own}
    yield {name: number for number, name in enumerate(name for name in parts if name in needed)}


def _numbered(own: Iterable[str], numbers: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name in own:
        first, _, rest = name.partition(".")
        if first not in numbers or not rest:
            return {}
        found[name] = (f"{numbers[first]}.{rest}",)
    return found
