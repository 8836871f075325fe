"""Which keys of a configuration decide a run's results, and the hash over them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from tlbench.upgrade import unchanged

FORMAT: Final = 2
"""Of the hash and of the record that holds it: raise it when the same configuration would get another hash."""

NOT_AFFECTING_RESULTS = (
    "study",
    "factors",
    "checkpoint",
    "on_missing",
    "rerun",
    "plan",
    "logger",
    "stand_ins",
    "data.root",
    "data.workers",
    "data.limits",
    "callbacks.checkpoint",
)
"""Keys that change where data lie, where results go or what is refused, not the results; left out of the hash."""

OWN_IMAGES = ("image_folder", "image_csv")
"""Data of which `data.root` says what they are, not only where: there it affects results."""

_RANGES = "tuning.ranges."


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one of dotted keys (`{"data": {"root": 1}}` → `{"data.root": 1}`)."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def affecting_results(config: Mapping[str, Any]) -> dict[str, Any]:
    """The dotted keys and values of a config that affect a run's results; `tuning` only where something is tuned."""
    tuned = config.get("tune") or []
    left_out = (*NOT_AFFECTING_RESULTS, *(() if tuned else ("tune", "tuning")))
    flat = {
        key: value
        for key, value in flatten(config).items()
        if not any(key == out or key.startswith(out + ".") for out in left_out)
        and not (key.startswith(_RANGES) and key.removeprefix(_RANGES) not in tuned)
    }
    data = config.get("data", {})
    if data.get("name") in OWN_IMAGES:
        flat["data.root"] = data.get("root")
    groups = config.get("model", {}).get("groups")
    return flat if groups is None else {**flat, "model.groups": list(groups)}  # their order counts, from input to head


def config_hash(config: Mapping[str, Any], record_format: int = FORMAT) -> str:
    """SHA-256 (hex) over the keys that affect results.

    Args:
        config: The configuration, nested; of a record as it is stored there, not upgraded.
        record_format: By which recipe. Format 1 covers all keys that were there; format 2 leaves out those that came
            since, where they have the value of before, so that a new key changes no hash.
    """
    flat = affecting_results(config)
    left_out = unchanged(flat) if record_format > 1 else set()
    hashed = {key: value for key, value in flat.items() if key not in left_out}
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The keys that affect results and differ, as `key: old → new`."""
    a, b = affecting_results(old), affecting_results(new)
    return [f"{k}: {a.get(k)!r} → {b.get(k)!r}" for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)]
