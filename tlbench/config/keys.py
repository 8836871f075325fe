"""What kind of value a dotted key takes, by the schema alone; nothing heavy is imported."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from tlbench.tasks.registry import run_schema, specs

_OF_HYDRA = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
"""Keys of Hydra's own that are text."""


def keys_of_optional(group: str) -> list[str]:
    """The keys of a group that may be null or whole, such as `augmentation.resized_crop`; none if it is no such group.

    Args:
        group: Its dotted name.
    """
    choices = list(_choices(group))
    found = [choice for choice in choices if _is_model(choice)]
    return list(found[0].model_fields) if found and type(None) in choices else []


def is_text(key: str) -> bool:
    """Whether a key takes one text (or null), such as `checkpoint`."""
    return key in _OF_HYDRA or (str in _choices(key) and _leaves(key) <= {str, type(None)})


def may_be_null(key: str) -> bool:
    """Whether null is a value of a key."""
    return type(None) in _choices(key)


def is_list(key: str) -> bool:
    """Whether a key takes a list (or null)."""
    return any(get_origin(choice) is list for choice in _choices(key))


def is_list_of_texts(key: str) -> bool:
    """Whether a key takes a list of texts, such as `data.classes`; of lists of texts as well."""
    return is_list(key) and _leaves(key) <= {str, type(None)}


def is_mapping(key: str) -> bool:
    """Whether a key is a mapping whose keys are the user's to name, such as `model.arguments`."""
    return any(get_origin(choice) is dict for choice in _choices(key))


def mapping_above(key: str) -> str | None:
    """The mapping that a key lies below whose keys are the user's to name, such as `model.arguments`; None: in none."""
    parts = key.split(".")
    above = (".".join(parts[:count]) for count in range(1, len(parts)))
    return next(filter(is_mapping, above), None)


def in_every_option(key: str) -> bool:
    """Whether all options of a group have the key, in whatever task."""
    group, _, last = key.rpartition(".")
    return all(last in choice.model_fields for choice in _choices(group) if _is_model(choice))


def exists(key: str) -> bool:
    """Whether some task's, or some option's, configuration has the key."""
    return any(True for _ in _choices(key))


def _leaves(key: str) -> set[Any]:
    """The types of a key's values, those in lists and mappings as well."""
    pending, found = list(_choices(key)), set()
    while pending:
        choice = pending.pop()
        inner = [part for argument in get_args(choice) for part in _alternatives(argument)]
        if get_origin(choice) in (list, dict):
            pending += inner
        else:
            found.add(choice)
    return found


def _choices(key: str) -> Iterator[Any]:
    """The types that a key may have, over all tasks and options."""
    models: list[Any] = [run_schema(name) for name in specs()]
    *parents, last = key.split(".")
    for name in parents:
        models = [choice for model in models for choice in _of(model, name) if _is_model(choice)]
    for model in models:
        yield from _of(model, last)


def _of(model: Any, name: str) -> Iterator[Any]:
    field = model.model_fields.get(name)
    if field is not None:
        yield from _alternatives(field.annotation)


def _alternatives(annotation: Any) -> Iterator[Any]:
    """A type without what only annotates it; those of a union one by one."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for choice in get_args(annotation):
            yield from _alternatives(choice)
    else:
        yield annotation


def _is_model(choice: Any) -> bool:
    return isinstance(choice, type) and issubclass(choice, BaseModel)
