"""Groups of keys that are null or whole, such as `augmentation.resized_crop`."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from tlbench.config import TrainConfig


def keys_of_optional(group: str) -> list[str]:
    """The keys of a group that may be null, given by its dotted name; none if it is no such group."""
    models: list[Any] = [TrainConfig]
    *parents, last = group.split(".")
    for name in parents:
        models = [choice for model in models for choice in _models(_choices(model, name))]
    for model in models:
        choices = _choices(model, last)
        if type(None) in choices and _models(choices):
            return list(_models(choices)[0].model_fields)
    return []


def _choices(model: Any, name: str) -> list[Any]:
    """The types that a key may have, those of a union one by one."""
    field = model.model_fields.get(name)
    found = [] if field is None else [field.annotation]
    while any(get_args(choice) for choice in found):
        found = [part for choice in found for part in (get_args(choice) or (choice,))]
    return found


def _models(choices: list[Any]) -> list[Any]:
    return [choice for choice in choices if isinstance(choice, type) and issubclass(choice, BaseModel)]
