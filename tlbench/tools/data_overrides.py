"""The data to evaluate on: the run's own, or `data=…` and `data.key=…` on top of them; nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType

from tlbench.config import TrainConfig
from tlbench.config.option_files import data_values
from tlbench.config.parse import parse
from tlbench.errors import ConfigError
from tlbench.tasks.registry import spec_of

PREPROCESSING = ("image_size", "stored_size", "fit", "native", "antialias", "decode", "normalisation")
"""Keys that the network was trained with: they stay the run's on any data."""

_KEPT = ("batch_size", "limits", "pixel_range")
"""Likewise on other data; but these can be given."""


def is_data_override(argument: str) -> bool:
    """Whether an argument is `data=…` or `data.key=…`."""
    key = argument.partition("=")[0]
    return key == "data" or key.startswith("data.")


def names_place(overrides: Sequence[str]) -> bool:
    """Whether overrides say where the data lie, so that the run's own place is not read."""
    return any(override.startswith(("data=", "data.root=")) for override in overrides)


def with_data(config: TrainConfig, overrides: Sequence[str]) -> TrainConfig:
    """A run's configuration with other data.

    Args:
        config: The run's.
        overrides: `data=…` and `data.key=…` in Hydra's grammar; none leave the configuration as it is.

    Raises:
        HydraException: An override is not in Hydra's grammar; see `tlbench.config.compose.explain`.
        ConfigError: A key or value is not allowed.
    """
    if not overrides:
        return config
    parsed = [_checked(o) for o in OverridesParser.create().parse_overrides(list(overrides))]
    values = config.model_dump(mode="json")
    for override in parsed:
        if override.key_or_group == "data":
            values["data"] = _other_data(config, str(override.value()))
    for override in parsed:
        if override.key_or_group != "data":
            _set(values, override.key_or_group, override.value())
    return parse(values)


def _checked(override: Override) -> Override:
    key, given = override.key_or_group, override.input_line
    if override.type != OverrideType.CHANGE or override.is_sweep_override():
        raise ConfigError(f"{given}: write key=value, one value; evaluate neither adds, removes nor sweeps")
    if key.split(".")[1:2] and key.split(".")[1] in PREPROCESSING:
        raise ConfigError(f"{given}: the network was trained with the run's own data.{key.split('.')[1]}; drop it")
    return override


def _other_data(config: TrainConfig, name: str) -> dict[str, Any]:
    """The defaults of a data set, preprocessed as the run's."""
    of_task = spec_of(config).data
    if name not in of_task:
        available = ", ".join(sorted(of_task))
        raise ConfigError(f"data={name}: available options in 'data' for task={config.task.name}: {available}")
    other = data_values(name, config.task.name)
    own = config.data.model_dump(mode="json")
    other |= {key: own[key] for key in (*PREPROCESSING, *_KEPT) if key in own}
    if not of_task[name].deep:
        other["pixel_range"] = None
    return other | config.data.on_other(name)


def _set(values: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    node: Any = values
    for parent in parents:
        node = node[parent] if isinstance(node, dict) and parent in node else None
    if not isinstance(node, dict):
        raise ConfigError(f"unknown key {key!r}; allowed under data: {', '.join(values['data'])}")
    node[last] = value
