"""Tasks that come from outside of tlbench: installed with a distribution, or named by an import path.

A distribution says so by an entry point of the group `tlbench.tasks`, whose name is the task's and whose value leads to
its `TaskSpec` (`ordinal = "tlbench_ordinal.spec:SPEC"`): it was installed by the user, so it is imported unasked. The
environment variable TLBENCH_TASKS holds import paths of the same form, separated by commas, for a task that is not
installed; its modules may lie in the working folder. Nothing that a run's record names is imported from here.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from pathlib import Path

from tlbench.config.conf_folder import config_dir
from tlbench.system.search_path import add_working_folder
from tlbench.tasks.spec import TaskSpec

GROUP = "tlbench.tasks"
"""Of entry points."""

VARIABLE = "TLBENCH_TASKS"
"""Of the environment."""


@dataclass(frozen=True)
class OutsideTask:
    """A task from outside.

    Attributes:
        spec: What is known of it.
        path: `package.module:NAME` of that.
        distribution: That it was installed with; None: it is named by an import path.
    """

    spec: TaskSpec
    path: str
    distribution: str | None


@dataclass(frozen=True)
class OutsideTasks:
    """The tasks from outside.

    Attributes:
        tasks: Task → it.
        broken: Task, or the import path of one whose name is not known → why it cannot be used.
    """

    tasks: Mapping[str, OutsideTask]
    broken: Mapping[str, str]


def outside_tasks(taken: Collection[str]) -> OutsideTasks:
    """Import what is known of the tasks from outside; one that cannot be used is of no harm to the others.

    Args:
        taken: Names of tlbench's own, which no other task may have.
    """
    return _found(os.environ.get(VARIABLE, ""), tuple(taken))


@functools.cache
def _found(paths: str, taken: tuple[str, ...]) -> OutsideTasks:
    tasks: dict[str, OutsideTask] = {}
    broken: dict[str, str] = {}
    for name, path, distribution in (*_named(paths), *_installed()):
        where = f"distribution {distribution!r} names it" if distribution else f"{VARIABLE} names it"
        try:
            spec = _spec(path, in_working_folder=distribution is None)
        except Exception as error:  # of somebody else's code
            broken[name] = f"{where}, but {path} cannot be used: {type(error).__name__}: {error}; mend or remove it"
            continue
        other = f"distribution {tasks[spec.name].distribution!r}" if spec.name in tasks else "tlbench itself"
        if spec.name in taken or spec.name in tasks:
            broken.setdefault(path, f"{where} as {path}, but {other} has a task {spec.name!r}; rename one of the two")
        elif distribution is not None and spec.name != name:
            broken[name] = f"{where} as {path}, whose name is {spec.name!r}; let the entry point have that name"
        else:
            tasks[spec.name] = OutsideTask(spec, path, distribution)
    return OutsideTasks(dict(sorted(tasks.items())), broken)


def _named(paths: str) -> Iterator[tuple[str, str, None]]:
    """The import paths of the environment variable."""
    for path in filter(None, map(str.strip, paths.split(","))):
        yield path, path, None


def _installed() -> Iterator[tuple[str, str, str]]:
    """The entry points, each once, in the order of their names."""
    found: dict[tuple[str, str], EntryPoint] = {(point.name, point.value): point for point in entry_points(group=GROUP)}
    for (name, path), point in sorted(found.items()):
        yield name, path, point.dist.name if point.dist is not None else "unknown"


def _spec(path: str, *, in_working_folder: bool) -> TaskSpec:
    module, colon, attribute = path.partition(":")
    if not (module and colon and attribute):
        raise ValueError("no import path of the form package.module:NAME")
    if in_working_folder:
        add_working_folder()
    spec = getattr(importlib.import_module(module), attribute)
    if not isinstance(spec, TaskSpec):
        raise TypeError(f"it is a {type(spec).__name__}, no tlbench.tasks.spec.TaskSpec")
    if spec.conf is not None:
        own, folder = config_dir(), Path(str(files(spec.conf)))
        taken = [str(path.relative_to(folder)) for path in folder.rglob("*.yaml")]
        taken = [name for name in sorted(taken) if (own / name).exists()]
        if taken:  # Hydra would take tlbench's without a word
            raise ValueError(f"its conf has {', '.join(taken)}, as tlbench's own; give options names of their own")
    return spec
