"""Layer groups of a timm network, derived from its feature stages.

timm gives its networks a grouping of parameters into layers, in the order of the forward pass (`group_matcher`), and
a list of the modules whose outputs are features, with their reduction of the image's side (`feature_info`). A stage is
what lies between two changes of that reduction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timm.models import group_parameters
from torch import nn

from tlbench.networks.group_prefixes import grouped, stages_of
from tlbench.networks.network import lies_under


def derive_groups(module: nn.Module, heads: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The groups `stem`, `stage1` …, `head`, from input to head; every parameter and buffer lies in exactly one.

    The stem is what timm counts as the network's first layer, class token and positional embedding included, and all
    that keeps the image's full resolution. What lies between the last stage and the head (a last norm, convolution or
    hidden layer) belongs to the last stage.

    Args:
        module: A network of timm.
        heads: The modules that are the head.

    Returns:
        Group → prefixes of module or parameter names.
    """
    layers = _layers(module, heads)
    return grouped(module, heads, layers, stages_of(max(layers.values(), default=0), *_ends(module, layers)))


def _layers(module: nn.Module, heads: Sequence[str]) -> dict[str, int]:
    """Parameter outside of the head → number of its layer, without gaps from 0 in the order of the forward pass."""
    numbers = _timms_layers(module)
    if numbers is None:
        numbers = _layers_by_name(module)
    outside = {name: n for name, n in numbers.items() if not any(lies_under(name, head) for head in heads)}
    with_head = {number for name, number in numbers.items() if name not in outside}
    order = {number: layer for layer, number in enumerate(sorted({*outside.values()} - with_head))}
    last = max(len(order) - 1, 0)  # takes what timm counts with the head, as a last norm
    return {name: order.get(number, last) for name, number in outside.items()}


def _timms_layers(module: nn.Module) -> dict[str, int] | None:
    matcher = getattr(module, "group_matcher", None)
    if matcher is None:
        return None
    try:
        grouping: dict[str, int] = group_parameters(module, matcher(coarse=True), reverse=True)
    except AssertionError:  # "coarse grouping is not implemented"
        return None
    return grouping


def _layers_by_name(module: nn.Module) -> dict[str, int]:
    """A layer for each feature module, and for each module at the top that holds none, in the module's order."""
    taps = [name for name, _ in _taps(module)]
    keys = {
        name: next((tap for tap in taps if lies_under(name, tap)), name.split(".")[0])
        for name, _ in module.named_parameters()
    }
    top = {name for name, _ in module.named_children()}
    layers = dict.fromkeys(key for key in keys.values() if key.split(".")[0] in top)
    order = {key: number for number, key in enumerate(layers)}
    return {name: order.get(key, 0) for name, key in keys.items()}  # parameters at the top: tokens, in the stem


def _taps(module: nn.Module) -> list[tuple[str, Any]]:
    """Names of the modules whose outputs are features, and their reductions."""
    info = getattr(module, "feature_info", None) or []
    modules = dict(module.named_modules())
    entries = info if isinstance(info, list) else info.info
    return [(e["module"], e.get("reduction")) for e in entries if e.get("module") and e["module"] in modules]


def _ends(module: nn.Module, layers: dict[str, int]) -> tuple[int, list[int]]:
    """The last layer of the stem, and those behind which the resolution changes after it."""
    last_of = {reduction: tap for tap, reduction in _taps(module)}
    ends = {}
    for reduction, tap in last_of.items():
        under = [number for name, number in layers.items() if lies_under(name, tap)]
        ends[reduction] = max(under) if under else _before(module, tap, layers)
    stem = ends.get(1, 0)
    return stem, sorted({end for end in ends.values() if end > stem})


def _before(module: nn.Module, tap: str, layers: dict[str, int]) -> int:
    """The layer of the last parameter that comes before a module without parameters (an activation)."""
    before = 0
    for name, part in module.named_modules():
        if name == tap:
            break
        own = [f"{name}.{n}" if name else n for n, _ in part.named_parameters(recurse=False)]
        before = next((layers[n] for n in reversed(own) if n in layers), before)
    return before
