"""Which task a configuration is of, and whether its options are those of the task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from tlbench.errors import ConfigError
from tlbench.tasks.registry import specs, why_unknown
from tlbench.tasks.spec import TaskSpec

NO_TASK = "missing key 'task'; see `python -m tlbench.train --cfg job` for all keys"


def chosen_task(config: Mapping[str, Any]) -> TaskSpec:
    """The task of a configuration that is not checked yet.

    Args:
        config: Plain containers.

    Raises:
        ConfigError: It names none, or one that there is not.
    """
    names, group = ", ".join(map(repr, specs())), config.get("task")
    if "task" not in config:
        raise ConfigError(NO_TASK)
    if not isinstance(group, Mapping) or "name" not in group:
        raise ConfigError(
            f"task={group!r}: not the keys of a task; choose one of {names}, such as task={next(iter(specs()))}"
        )
    spec = specs().get(group["name"]) if isinstance(group["name"], str) else None
    if spec is None:
        raise ConfigError(f"task.name={group['name']!r}: {why_unknown(str(group['name']))}")
    if not _required(spec.config) <= group.keys():
        raise ConfigError(_renamed("task", spec.name))
    return spec


def of_another_task(config: Mapping[str, Any], spec: TaskSpec) -> list[str]:
    """What is of another task altogether, one line each.

    Args:
        config: Plain containers, not checked yet: what is at fault by itself is left to the schema.
        spec: The configuration's task.
    """
    others = [other for other in specs().values() if other is not spec]
    groups = {key: group if isinstance(group := config.get(key), Mapping) else {} for key in _GROUPS}
    data, name = groups["data"], groups["data"].get("name")
    of_data = [] if name in spec.data else [other for other in others if name in other.data]
    if of_data and not _required(of_data[0].data[str(name)].schema) <= data.keys():
        return [_renamed("data", str(name))]
    library, source = groups["model"].get("library"), groups["source"].get("name")
    of_library = [] if library in spec.libraries else [other for other in others if library in other.libraries]
    of_source = [] if source in spec.sources else [other for other in others if source in other.sources]
    # data bring their augmentation
    of_augmentation = [] if of_data else _whose_augmentation(groups["augmentation"], spec, others)
    found = (
        ("data", of_data, _either(spec.data)),
        ("augmentation", of_augmentation, _either(spec.augmentations)),
        ("model", of_library, spec.networks),
        ("source", of_source, _either(spec.sources)),
    )
    return [_not_for(spec, key, groups[key].get("name"), allowed, whose) for key, whose, allowed in found if whose]


def why_no_data(name: str, task: str, group: str) -> str:
    """Why an option of `data` that several tasks share cannot be composed for a task.

    Args:
        name: Of the option.
        task: For which a folder of `conf/` has no file.
        group: The folder, `data/of` or `data/by_code`.
    """
    spec = specs()[task]
    if name in spec.data:
        which = "all data" if group == "data/of" else "data by code"
        return f"data={name}: there is no conf/{group}/{task}.yaml; add it, with what {which} of task={task} say"
    whose = [other for other in specs().values() if name in other.data]
    return _not_for(spec, "data", name, _either(spec.data), whose)


def _not_for(spec: TaskSpec, key: str, name: object, allowed: str, whose: Iterable[TaskSpec]) -> str:
    others = " or ".join(f"task={other.name}" for other in whose)
    return f"{key}={name}: not for task={spec.name}; use {allowed}, or {others}"


_GROUPS = ("data", "augmentation", "model", "source")


def _whose_augmentation(given: Mapping[str, Any], spec: TaskSpec, others: Iterable[TaskSpec]) -> list[TaskSpec]:
    """The other tasks that have these keys, as an option's name is free; none where the task itself is as near."""

    def strange(schema: type[BaseModel]) -> int:
        return len(given.keys() ^ schema.model_fields.keys())

    if not given:
        return []
    nearest = min((strange(other.augmentation) for other in others), default=strange(spec.augmentation))
    if nearest >= strange(spec.augmentation):
        return []
    return [other for other in others if strange(other.augmentation) == nearest]


def _required(schema: type[BaseModel]) -> set[str]:
    return {name for name, field in schema.model_fields.items() if field.is_required()}


def _renamed(group: str, name: str) -> str:
    return f"{group}.name={name!r}: an option has keys of its own; choose it as {group}={name}"


def _either(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
