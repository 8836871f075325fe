"""The tasks that there are, by name. Nothing heavy is imported.

tlbench's own lie in a folder each beside this file, with its `spec.py`; others come from outside, see
`tlbench.tasks.outside`. Their wings are reached by `tlbench.tasks.wings` alone.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field, create_model

import tlbench.tasks
from tlbench.config import DataConfig, TrainConfig
from tlbench.config.data_option import DataOption
from tlbench.errors import ConfigError
from tlbench.tasks.outside import outside_tasks
from tlbench.tasks.spec import MetricSpec, Mode, TaskSpec


@functools.cache
def built_in() -> Mapping[str, TaskSpec]:
    """Those of tlbench itself: name → what is known of it, in alphabetical order."""
    folders = [found.name for found in pkgutil.iter_modules(tlbench.tasks.__path__) if found.ispkg]
    found = [importlib.import_module(f"tlbench.tasks.{folder}.spec").SPEC for folder in sorted(folders)]
    return {spec.name: spec for spec in found}


@functools.cache
def specs() -> Mapping[str, TaskSpec]:
    """Task → what is known of it: tlbench's own, then those from outside that could be imported."""
    return {**built_in(), **{name: task.spec for name, task in outside_tasks(built_in()).tasks.items()}}


def spec_named(name: str) -> TaskSpec:
    """What is known of a task.

    Raises:
        ConfigError: There is none of this name here: it says which there are, and where it may come from.
    """
    found = specs().get(name)
    if found is None:
        raise ConfigError(f"task {name!r}: {why_unknown(name)}")
    return found


def why_unknown(name: str) -> str:
    """Why there is no task of a name, and how to mend it."""
    broken = outside_tasks(built_in()).broken.get(name)
    if broken is not None:
        return broken
    return (
        f"there is none here; there are {', '.join(map(repr, specs()))}. A task from outside comes with a distribution "
        "of its own, to be installed, or is named in TLBENCH_TASKS (docs/extending.md)"
    )


def spec_of(config: TrainConfig) -> TaskSpec:
    """The task of a configuration."""
    return with_own_metrics(spec_named(config.task.name), {name: own.better for name, own in config.metrics.items()})


def spec_of_stored(task: str, config: Mapping[str, Any]) -> TaskSpec:
    """The same, of a record's task and configuration.

    Raises:
        ConfigError: As `spec_named`.
    """
    own = {str(name): metric["better"] for name, metric in (config.get("metrics") or {}).items()}
    return with_own_metrics(spec_named(task), own)


def with_own_metrics(spec: TaskSpec, own: Mapping[str, Mode]) -> TaskSpec:
    """A task with metrics of the user's own beside its own.

    Args:
        spec: The task.
        own: Name → better direction.
    """
    if not own:
        return spec
    return replace(spec, metrics=(*spec.metrics, *(MetricSpec(name, better=better) for name, better in own.items())))


@functools.cache
def run_schema(name: str) -> type[TrainConfig]:
    """The schema of a run of a task: `task`, `data` and `augmentation` are the task's own."""
    spec = spec_named(name)
    schemas = tuple(dict.fromkeys(option.schema for option in spec.data.values()))
    data: Any = schemas[0]
    for schema in schemas[1:]:
        data = data | schema
    return create_model(
        "TrainConfig",
        __base__=TrainConfig,
        __doc__=TrainConfig.__doc__,
        task=(spec.config, ...),
        data=(data, Field(discriminator="name")) if len(schemas) > 1 else (data, ...),
        augmentation=(spec.augmentation, ...),
    )


def data_option(data: DataConfig) -> DataOption:
    """What a configuration's data are."""
    options = [spec.data[data.name] for spec in specs().values() if data.name in spec.data]
    return next(option for option in options if isinstance(data, option.schema))


def stored_option(config: Mapping[str, Any]) -> DataOption | None:
    """What the data of a stored configuration are; None where its task has no such data, or is not here.

    Args:
        config: As a record holds it; one that names no task is of the task that was the only one.
    """
    task, data = (group if isinstance(group := config.get(key), Mapping) else {} for key in ("task", "data"))
    only = next(spec for spec in built_in().values() if spec.was_the_only_one)
    spec = specs().get(str(task.get("name"))) if "name" in task else only
    return None if spec is None else spec.data.get(str(data.get("name")))


@functools.cache
def percentages(task: str) -> frozenset[str]:
    """Names of a task's metrics that are shown in percent."""
    return frozenset(metric.name for metric in spec_named(task).metrics if metric.percent)
