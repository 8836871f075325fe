"""An arm's name: the declared factors' values in declared order, joined by `-`; always fit to name a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tlbench.config.size import as_written

_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|nan)", re.IGNORECASE)


def arm_name(config: Mapping[str, Any], factors: Sequence[str]) -> str:
    """Name the arm of a configuration, for example `tin200` or `tin200-lr-0.001`.

    A factor that is a config group (`source`) is named by its `name`, a height and width as `192x256`; characters that
    Hydra's command line or a file system could not take back (`=`, spaces, `/`) become `_`. A value that does not say
    of what it is, a bare number, `true`, `false` or `null`, is preceded by its key's last part.
    """
    return "-".join(_named(factor, _value(config, factor)) for factor in factors)


def earlier_arm_name(config: Mapping[str, Any], factors: Sequence[str]) -> str:
    """The same as earlier versions named it, without any key: `tin200-0.001`."""
    return "-".join(_fit_for_a_folder(_shown(factor, _value(config, factor))) for factor in factors)


def _named(factor: str, value: Any) -> str:
    shown = _shown(factor, value)
    text = _fit_for_a_folder(shown)
    if shown is None or isinstance(shown, bool):  # two switches could not be told apart, and null is no word
        text = "null" if shown is None else text.lower()
    elif not _NUMBER.fullmatch(text):
        return text
    return f"{_fit_for_a_folder(factor.rpartition('.')[2])}-{text}"


def _value(config: Mapping[str, Any], factor: str) -> Any:
    node: Any = config
    for part in factor.split("."):
        node = node[part] if isinstance(node, Mapping) and part in node else None
    return node["name"] if isinstance(node, Mapping) and "name" in node else node


def _shown(factor: str, value: Any) -> Any:
    """A size, before or after it is parsed, as it is named; other values as they are."""
    is_size = factor in ("data.image_size", "data.stored_size") and isinstance(value, Sequence) and len(value) == 2
    if not is_size or isinstance(value, str):
        return value
    size = as_written((value[0], value[1]))
    return "x".join(map(str, size)) if isinstance(size, list) else size


def _fit_for_a_folder(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", text).strip(".") or "_"
