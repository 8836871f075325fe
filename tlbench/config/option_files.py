"""The files of config groups: where tlbench's own lie, and those of tasks from outside, and what one of data says."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from tlbench.config.conf_folder import config_dir
from tlbench.tasks.registry import specs

_HERE = "@_here_"
"""Ends a key among the defaults of an option of `data`: what it says for a task is a file below `conf/data/`."""


def option_files(group: str) -> dict[str, Path]:
    """Option of a config group → its file; tlbench's own come before those of tasks from outside, as in Hydra."""
    outside = [Path(str(files(spec.conf))) for spec in specs().values() if spec.conf is not None]
    found: dict[str, Path] = {}
    for folder in (config_dir(), *outside):
        for file in sorted((folder / group).glob("*.yaml")):
            found.setdefault(file.stem, file)
    return found


def data_values(name: str, task: str) -> dict[str, Any]:
    """What an option of `data` says for a task, without the limits that go with it.

    Args:
        name: Of the option.
        task: In whose configuration it is composed: `of@_here_` among its defaults names what all data of a task say,
            `by_code@_here_` what those by code say.
    """
    values = _loaded(option_files("data")[name])
    found: dict[str, Any] = {}
    for entry in values.pop("defaults", ()):
        for group, option in entry.items() if isinstance(entry, Mapping) else ():
            if group.endswith(_HERE):
                files_of_tasks = option_files(f"data/{group.removesuffix(_HERE)}")
                found |= _loaded(files_of_tasks[str(option).replace("${task}", task)])
    return found | values


def _loaded(file: Path) -> dict[str, Any]:
    values = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}
