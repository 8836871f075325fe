"""The tensors in a file of weights, and the mappings that hold them, however deep."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tlbench.sources.inert import Inert, Name
from tlbench.sources.torch_pickle import SHAPED, bytes_of

_DEEPEST = 100
_MOST = 100_000
"""Mappings, lists and modules that are looked into."""

_NOT_DENSE = "torch._utils._rebuild_"


@dataclass(frozen=True)
class Entry:
    """A mapping in a file that holds tensors.

    Attributes:
        path: The keys that lead to it, joined by dots; empty: the file itself.
        tensors: Those that it holds directly, by their names in it, in its order.
        unread: What of it is a tensor that is sparse, quantised or without values.
    """

    path: str
    tensors: dict[str, Tensor]
    unread: tuple[str, ...] = ()


def entries_of(content: Any) -> list[Entry]:
    """All mappings of a file that hold tensors, pickled modules among them, each once; the outer ones first.

    Args:
        content: Mappings, lists, tensors and inert objects.
    """
    found: list[Entry] = []
    seen: set[int] = set()
    waiting: list[tuple[tuple[str, ...], Any]] = [((), content)]
    while waiting and len(seen) < _MOST:
        path, node = waiting.pop(0)
        if id(node) in seen or len(path) > _DEEPEST:
            continue
        seen.add(id(node))
        if is_module(node):
            named = module_tensors(node)
        else:
            named = _children(node)
            waiting.extend((((*path, name), child) for name, child in named.items() if not isinstance(child, Tensor)))
        tensors = {name: tensor for name, value in named.items() if (tensor := as_tensor(value)) is not None}
        unread = tuple(name for name, v in named.items() if isinstance(v, Inert) and v.name.startswith(_NOT_DENSE))
        if tensors or unread:
            found.append(Entry(".".join(path), tensors, unread))
    return found


def is_module(node: Any) -> bool:
    """Whether an object is a pickled `torch.nn.Module`."""
    return isinstance(node, Inert) and isinstance(node.state, dict) and isinstance(node.state.get("_modules"), dict)


def module_tensors(module: Inert) -> dict[str, Any]:
    """What the `state_dict()` of a pickled module would give, by name.

    Args:
        module: For which `is_module`.
    """
    return dict(_of_module(module, "", 0, [_MOST]))


def _of_module(module: Inert, prefix: str, depth: int, left: list[int]) -> Iterator[tuple[str, Any]]:
    left[0] -= 1
    if depth > _DEEPEST or left[0] < 0 or not isinstance(module.state, dict):
        return
    hidden = _keys(module.state.get("_non_persistent_buffers_set"))
    for kind in ("_parameters", "_buffers"):
        for name, value in _items(module.state.get(kind)).items():
            if value is not None and not (kind == "_buffers" and name in hidden):
                yield f"{prefix}{name}", value
    for name, child in _items(module.state.get("_modules")).items():
        if isinstance(child, Inert):
            yield from _of_module(child, f"{prefix}{name}.", depth + 1, left)


def as_tensor(value: Any) -> Tensor | None:
    """A tensor, or one of the values of a NumPy array that a pickle holds; None for all else."""
    if isinstance(value, Tensor):
        return value
    if not isinstance(value, Inert):
        return None
    parts = value.state if value.name.endswith("multiarray._reconstruct") else None
    if value.name.endswith("numeric._frombuffer") and len(value.arguments) == 4:  # as protocol 5 writes it
        content, dtype, shape, order = value.arguments
        parts = (1, shape, dtype, order == "F", content)
    if not isinstance(parts, tuple) or len(parts) != 5:
        return None
    _, shape, dtype, by_column, content = parts
    values, kind = bytes_of(content), _number_type(dtype)
    if values is None or kind is None or not isinstance(shape, tuple):
        return None
    if not all(type(side) is int and side >= 0 for side in shape) or len(values) != math.prod(shape) * kind.itemsize:
        return None
    array = np.frombuffer(values, kind).reshape(tuple(shape), order="F" if by_column else "C")
    return torch.from_numpy(array.astype(kind.newbyteorder("="), order="C"))


def _number_type(dtype: Any) -> np.dtype[Any] | None:
    """NumPy's type of real numbers, of its pickled form: `dtype("f4", …)` with the state `(3, "<", …)`."""
    if not isinstance(dtype, Inert) or dtype.name != "numpy.dtype" or not dtype.arguments:
        return None
    code = dtype.arguments[0]
    order = dtype.state[1] if isinstance(dtype.state, tuple) and len(dtype.state) > 1 else "|"
    if code not in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1") or order not in ("<", ">", "|", "="):
        return None
    return np.dtype(f"{order}{code}")


def _children(node: Any) -> dict[str, Any]:
    """What a mapping, list or object holds, by name."""
    if isinstance(node, Inert) and SHAPED.match(node.name):
        return {}
    if isinstance(node, Inert):
        state = _items(node.state)
        listed = {str(place): value for place, value in enumerate((*node.arguments, *node.entries))}
        return {**listed, **state, **_items(node.items)}
    if isinstance(node, list | tuple):
        pairs = bool(node) and all(isinstance(p, list | tuple) and len(p) == 2 and isinstance(p[0], str) for p in node)
        return {p[0]: p[1] for p in node} if pairs else {str(place): value for place, value in enumerate(node)}
    return _items(node)


def _items(node: Any) -> dict[str, Any]:
    """A mapping's values by their keys as text."""
    if isinstance(node, Inert):
        node = node.items
    if not isinstance(node, Mapping):
        return {}
    return {str(key): value for key, value in node.items() if isinstance(key, str | int | Name)}


def _keys(node: Any) -> set[str]:
    """A set's texts, also of one that older protocols write as a call of `set`."""
    if isinstance(node, Inert):
        node = [*node.entries, *(node.arguments[0] if node.arguments and isinstance(node.arguments[0], list) else [])]
    return {key for key in node if isinstance(key, str)} if isinstance(node, list | set | frozenset) else set()
