"""Groups of keys that are null or whole, such as `augmentation.resized_crop`."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from tlbench.config import TrainConfig


def keys_of_optional(group: str) -> list[str]:
    """The keys of a group that may be null, given by its dotted name; none if it is no such group."""
    model: Any = TrainConfig
    *parents, last = group.split(".")
    for name in parents:
        field = model.model_fields.get(name)
        if field is None or not _is_model(field.annotation):
            return []
        model = field.annotation
    field = model.model_fields.get(last)
    choices = get_args(field.annotation) if field is not None else ()
    found = [choice for choice in choices if _is_model(choice)]
    return list(found[0].model_fields) if type(None) in choices and found else []


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
