"""Where the files of config groups lie: tlbench's own, and those of tasks from outside."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from tlbench.config.conf_folder import config_dir
from tlbench.tasks.registry import specs


def option_files(group: str) -> dict[str, Path]:
    """Option of a config group → its file; tlbench's own come before those of tasks from outside, as in Hydra."""
    outside = [Path(str(files(spec.conf))) for spec in specs().values() if spec.conf is not None]
    found: dict[str, Path] = {}
    for folder in (config_dir(), *outside):
        for file in sorted((folder / group).glob("*.yaml")):
            found.setdefault(file.stem, file)
    return found
