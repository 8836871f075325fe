"""What a network gives, however nested: its tensors, all of them in float32, and which images' are not finite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

_HALF = (torch.float16, torch.bfloat16)


def tensors_of(outputs: Any) -> Iterator[Tensor]:
    """All tensors in a tensor, mapping, list, tuple or dataclass, or in those inside; what else is there is ignored."""
    if isinstance(outputs, Tensor):
        yield outputs
        return
    parts: Any = ()
    if isinstance(outputs, Mapping):
        parts = outputs.values()
    elif isinstance(outputs, list | tuple):
        parts = outputs
    elif _is_dataclass(outputs):
        parts = [getattr(outputs, field.name) for field in fields(outputs)]
    for part in parts:
        yield from tensors_of(part)


def in_float32(outputs: Any) -> Any:
    """The same outputs with their float16 and bfloat16 tensors as float32; the very object where there is none.

    What follows a network (loss, decoding, metrics) computes in float32 whatever the precision of the network: of
    bfloat16's 8 bits, a box of a few hundred pixels loses several pixels.
    """
    if not any(tensor.dtype in _HALF for tensor in tensors_of(outputs)):
        return outputs
    return _mapped(outputs, lambda tensor: tensor.float() if tensor.dtype in _HALF else tensor)


def without_autocast(device_type: str) -> AbstractContextManager[Any]:
    """Inside, operators compute in the types of their tensors; where autocast is off anyway, nothing is entered."""
    return torch.autocast(device_type, enabled=False) if torch.is_autocast_enabled(device_type) else nullcontext()


def not_finite(outputs: Any, images: int) -> Tensor:
    """Which images' outputs hold NaN or infinity; −inf is allowed beside others, as a network may
    mask classes with it.

    Nothing here waits for the device. A tensor whose first dimension is not that of the images speaks for all of them.

    Args:
        outputs: A network's, nested as in `tensors_of`.
        images: B, in the batch.

    Returns:
        (B,) bool, on the device of the first tensor.
    """
    bad: Tensor | None = None
    for tensor in tensors_of(outputs):
        values = torch.view_as_real(tensor.detach()) if tensor.is_complex() else tensor.detach()
        values = values.float() if values.dtype == torch.float64 else values  # in which all that follows computes
        if not values.is_floating_point() or values.numel() == 0:
            continue
        by_image = values.ndim > 0 and len(values) == images
        others = tuple(range(1, values.ndim)) if by_image else tuple(range(values.ndim))
        largest = values.amax(dim=others) if others else values  # NaN where one of them is
        found = ~torch.isfinite(largest).reshape(-1)
        bad = found if bad is None else bad | found.to(bad.device)
    return torch.zeros(images, dtype=torch.bool) if bad is None else bad.expand(images)


def _mapped(outputs: Any, function: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(outputs, Tensor):
        return function(outputs)
    if _is_dataclass(outputs):  # before mappings: some are both
        return replace(outputs, **{f.name: _mapped(getattr(outputs, f.name), function) for f in fields(outputs)})
    if isinstance(outputs, Mapping):
        return type(outputs)({key: _mapped(value, function) for key, value in outputs.items()})  # type: ignore[call-arg]
    if isinstance(outputs, list | tuple):
        parts = [_mapped(part, function) for part in outputs]
        return type(outputs)(*parts) if hasattr(outputs, "_fields") else type(outputs)(parts)
    return outputs


def _is_dataclass(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)
