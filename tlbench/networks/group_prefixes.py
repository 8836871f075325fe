"""Layer groups as the fewest prefixes of names, from each parameter's layer and each layer's stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torch import nn

from tlbench.networks.layer_groups import HEAD
from tlbench.networks.network import lies_under

STEM = "stem"

LEAST_STAGES = 3
"""A network that changes its resolution less often (ViT, MLP-Mixer) is cut by its depth."""

STAGES_BY_DEPTH = 4
"""Into as many parts as a residual network has stages, so that strategies mean the same on both."""


def grouped(
    module: nn.Module, heads: Sequence[str], layers: Mapping[str, int], stages: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The groups of a network, from input to head; every parameter and buffer lies in exactly one.

    Args:
        module: The network.
        heads: The modules that are the head.
        layers: Parameter outside of the head → number of its layer.
        stages: The group of each layer.

    Returns:
        Group → prefixes of module or parameter names.
    """
    found: dict[str, list[str]] = {group: [] for group in (*dict.fromkeys(stages), HEAD)}
    for prefix, group in _shortest(dict(_tensors(module, heads, layers, stages))):
        found[group].append(prefix)
    found[HEAD] = list(heads)
    group_of = {prefix: group for group, prefixes in found.items() for prefix in prefixes}
    last = STEM
    for name, part in module.named_modules():
        inside = next((group for prefix, group in group_of.items() if lies_under(name, prefix)), None)
        if inside is None and name and not list(part.children()):
            found[last].append(name)  # without tensors, as dropout: with what comes before it
        elif inside not in (None, HEAD):
            last = inside or last
    return {group: tuple(prefixes) for group, prefixes in found.items() if prefixes}


def stages_of(last: int, stem: int, ends: Sequence[int]) -> list[str]:
    """The group of each layer.

    Args:
        last: The last layer's number.
        stem: The last one of the stem.
        ends: The layers behind which the resolution changes after the stem, in their order.
    """
    count = last - stem
    if len(ends) < LEAST_STAGES:
        parts = min(STAGES_BY_DEPTH, count)
        ends = [stem + count * (part + 1) // parts for part in range(parts)]
    groups = [STEM] * (stem + 1)
    for layer in range(stem + 1, stem + count + 1):
        stage = 1 + sum(end < layer for end in ends)
        groups.append(f"stage{min(stage, len(ends))}")
    return groups


def _tensors(
    module: nn.Module, heads: Sequence[str], layers: Mapping[str, int], stages: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Every parameter and buffer with its group; a buffer is with its module's parameters, or what comes before it."""
    of_module = {name.rpartition(".")[0]: layer for name, layer in layers.items()}
    last = STEM
    for owner, part in module.named_modules():
        for own, _ in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
            name = f"{owner}.{own}" if owner else own
            if any(lies_under(name, head) for head in heads):
                yield name, HEAD
                continue
            layer = layers.get(name, of_module.get(owner) if owner else None)
            last = last if layer is None else stages[layer]
            yield name, last


def _shortest(groups: dict[str, str], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The fewest prefixes that say the same."""
    below: dict[str, dict[str, str]] = {}
    for name, group in groups.items():
        component = name.removeprefix(prefix).split(".")[0]
        below.setdefault(prefix + component, {})[name] = group
    for name, parts in below.items():
        if len(set(parts.values())) == 1:
            yield name, next(iter(parts.values()))
        else:
            yield from _shortest(parts, name + ".")
