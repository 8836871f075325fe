"""Which keys of a configuration decide a run's results, and the hash over them."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from typing import Any, Final

from tlbench.config.upgrade import unchanged
from tlbench.tasks.registry import stored_option

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
    "statistics",
    "stand_ins",
    "data.root",
    "data.workers",
    "data.limits",
    "callbacks.checkpoint",
)
"""Keys that change where data lie, where results go or what is refused, not the results; left out of the hash."""

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
    below = tuple(f"{out}." for out in left_out)
    flat = {
        key: value
        for key, value in flatten(config).items()
        if key not in left_out
        and not key.startswith(below)
        and not (key.startswith(_RANGES) and key.removeprefix(_RANGES) not in tuned)
    }
    data = config.get("data", {})
    option = stored_option(config)
    if option is not None and option.own:
        flat["data.root"] = data.get("root")
    if option is not None and not option.deep:
        flat.pop("data.decode", None)
    groups = config.get("model", {}).get("groups")
    return flat if groups is None else {**flat, "model.groups": list(groups)}  # their order counts, from input to head


def config_hash(config: Mapping[str, Any], code: str | None = None) -> str:
    """SHA-256 (hex) over the keys that affect results.

    Those that came since format 2 are left out where they have the value of before, so that a new key changes no hash.

    Args:
        config: The configuration.
        code: The hash of the code of the user's own that it names, once that is known; see `code_hash`.
    """
    flat = affecting_results(config)
    of_config = _hash({key: value for key, value in flat.items() if key not in unchanged(flat)})
    return of_config if code is None else hashlib.sha256(f"{of_config} {code}".encode()).hexdigest()


def code_hash(files: Mapping[str, str], distributions: Mapping[str, str]) -> str:
    """SHA-256 (hex) over the code that a configuration names.

    Args:
        files: Module → SHA-256 of its file.
        distributions: Name → version.
    """
    return _hash({**files, "distributions": dict(distributions)} if distributions else files)


def stored_hashes(config: Mapping[str, Any], record_format: int, code: Mapping[str, Any] | None = None) -> list[str]:
    """The hashes that versions which wrote a format gave to a configuration, as it is stored; the last one's first.

    Earlier versions left the code out (`code` as a record has it). Format 1 had several recipes: all keys that were
    there; earlier without `data.root` of one's own images, without the order of layer groups, and without what was
    tuned.
    """
    if record_format > 1:
        of_code = [] if code is None else [code_hash(code.get("files", {}), code.get("distributions", {}))]
        return [*(config_hash(config, each) for each in of_code), config_hash(config)]
    flat = affecting_results(config)
    found = []
    for rooted, listed, tuned in itertools.product((True, False), repeat=3):
        dropped = [] if rooted else ["data.root"]
        dropped += [] if listed or flat.get("model.groups") is None else ["model.groups"]
        dropped += [] if tuned else [key for key in flat if key.partition(".")[0] in ("tune", "tuning")]
        found.append(_hash({key: value for key, value in flat.items() if key not in dropped}))
    return list(dict.fromkeys(found))


def _hash(flat: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(flat, sort_keys=True).encode()).hexdigest()


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The keys that affect results and differ, as `key: old → new`."""
    a, b = affecting_results(old), affecting_results(new)
    return [f"{k}: {a.get(k)!r} → {b.get(k)!r}" for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)]
