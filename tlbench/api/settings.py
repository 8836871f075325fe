"""Settings as Python has them, on their way to the command line's grammar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tlbench.config.overrides import quoted
from tlbench.errors import ConfigError


def as_overrides(given: Sequence[str | Mapping[str, Any]], settings: Mapping[str, Any]) -> list[str]:
    """What a command line would have.

    Args:
        given: Overrides as on the command line (`+experiment=quickstart`), and mappings of keys to values.
        settings: Further keys; what comes later counts.

    Raises:
        ConfigError: A value is of a type that no key takes, or something is no override.
    """
    overrides: list[str] = []
    for each in (*given, settings):
        if isinstance(each, str):
            if each.startswith("-"):
                raise ConfigError(f"{each!r}: options of the command line are not for Python; give settings key=value")
            overrides.append(each)
        elif isinstance(each, Mapping):
            overrides += [f"{key}={_value(str(key), value)}" for key, value in each.items()]
        else:
            raise ConfigError(f"{each!r}: neither an override such as 'seed=1' nor a mapping such as {{'seed': 1}}")
    return overrides


def as_sweeps(sweep: Mapping[str, Iterable[Any]]) -> list[str]:
    """Keys that are to have each of some values, as a command line sweeps them.

    Raises:
        ConfigError: There is no value, or one text in place of several values; or as `as_overrides`.
    """
    overrides = []
    for key, values in sweep.items():
        if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
            raise ConfigError(f"sweep={{{key!r}: {values!r}}}: not several values; give a list, such as [{values!r}]")
        each = [_value(key, value) for value in values]
        if not each:
            raise ConfigError(f"sweep={{{key!r}: []}}: no value to sweep over; give one or more")
        overrides.append(f"{key}={','.join(each)}")
    return overrides


def _value(key: str, value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | Path):
        return quoted(str(value))
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{_value(f'{key}.{name}', each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_value(key, each) for each in value) + "]"
    raise ConfigError(
        f"{key}={value!r}: no setting is of type {type(value).__name__}; give a text, a number, True, False, None, or "
        "a list or mapping of such"
    )
