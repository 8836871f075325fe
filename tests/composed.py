"""Configurations for unit tests, without Hydra's third of a second for each: interpolations are resolved as by it."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from tlbench.annotations.instances.config import InstanceAugmentation
from tlbench.annotations.labels.config import LabelAugmentation
from tlbench.config import ModelConfig, SourceConfig, TrainConfig, option_files
from tlbench.config.compose import Composer
from tlbench.config.parse import parse

composing: list[tuple[str, ...]] = []
"""What `unresolved` is at: `--fast` lets it use Hydra, as what it gives is kept for all tests."""

CONF = Path(__file__).parents[1] / "conf"
PLAIN_GROUPS = (
    "task",
    "model",
    "source",
    "strategy",
    "loss",
    "regulariser",
    "optimizer",
    "trainer",
    "augmentation",
    "callbacks",
    "logger",
)


def config(*overrides: str) -> TrainConfig:
    """As `compose_config` gives it, for overrides `group=option` of groups without defaults and `dotted.key=value`.

    Raises:
        ConfigError: As `parse` does.
    """
    return changed(unresolved(), *overrides)


def changed(base: dict[str, Any], *overrides: str) -> TrainConfig:
    """The same, on what `unresolved` gives."""
    values = copy.deepcopy(base)
    for override in sorted(overrides, key=lambda text: text.split("=")[0] not in PLAIN_GROUPS):  # groups first
        key, _, text = override.partition("=")
        if key in PLAIN_GROUPS:
            values[key] = yaml.safe_load((CONF / key / f"{text}.yaml").read_text())
            continue
        *parents, last = key.split(".")
        node = values
        for parent in parents:
            node = node[parent]
        assert last in node, override
        node[last] = yaml.safe_load(text)
    resolved = OmegaConf.to_container(OmegaConf.create(values), resolve=True)
    assert isinstance(resolved, dict)
    return parse({str(key): value for key, value in resolved.items()})


@functools.cache
def unresolved(*overrides: str) -> dict[str, Any]:
    """What Hydra composes, with its interpolations; do not change it."""
    composing.append(overrides)
    try:
        values = OmegaConf.to_container(Composer().compose(overrides), resolve=False)
    finally:
        composing.pop()
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items() if key != "hydra"}


def data_values(name: str, task: str = "detection") -> dict[str, Any]:
    """A file of `conf/data/` with the limits that go with it, and for data that tasks share what the task's all say."""
    limits = yaml.safe_load((CONF / "data" / "limits" / "default.yaml").read_text())
    return {**option_files.data_values(name, task), "limits": limits}


def augmentation(**strengths: Any) -> LabelAugmentation:
    """As `augmentation=none`, but for what is given."""
    none = yaml.safe_load((CONF / "augmentation" / "none.yaml").read_text())
    return LabelAugmentation.model_validate({**none, "name": "drawn", **strengths})


def box_augmentation(**strengths: Any) -> InstanceAugmentation:
    """Nothing, but for what is given."""
    names = ("flip", "mosaic", "close_mosaic", "scale", "translate", "hsv_h", "hsv_s", "hsv_v")
    return InstanceAugmentation.model_validate({**dict.fromkeys(names, 0), "name": "drawn", **strengths})


def model(option: str = "resnet18", **changes: Any) -> ModelConfig:
    """A file of `conf/model/`, with changes."""
    values = yaml.safe_load((CONF / "model" / f"{option}.yaml").read_text())
    return ModelConfig.model_validate({**values, **changes})


def source_of(name: str, path: Path | str | None = None, **changes: Any) -> SourceConfig:
    """A source of that name, all its other keys null but for what is given."""
    values = {"name": name, "path": None if path is None else str(path), "tag": None, "entry": None, "prefix": None}
    return SourceConfig.model_validate({**values, **changes})
