"""Reading run records, and refusing to compare runs that differ in more than the declared factors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tlbench.config_hash import affecting_results
from tlbench.errors import ConfigError
from tlbench.parsing import SEED_KEYS
from tlbench.results.record import FILE_NAME, Record, read_record

_ABSENT = "(absent)"
# Factors that change which images are tested on; the other keys under `data` leave the test split alone.
_REDRAWS_TEST = {"data", *(f"data.{key}" for key in ("name", "root", "classes", "test_fraction"))}
# … or how its images are decoded, which their fingerprint covers
_DECODES_ANEW = {f"data.{key}" for key in ("image_size", "stored_size", "fit", "cache", "memory_budget_mb")}


def run_name(record: Record) -> str:
    """The run's place in its study's folder: `<arm>/seed_<n>`."""
    return f"{record.arm}/seed_{record.seed}"


def collect(folders: Iterable[Path]) -> list[Record]:
    """The records of runs' folders, in the given order.

    Raises:
        ConfigError: A folder holds no record, or one that cannot be read.
    """
    records = []
    for folder in folders:
        record = read_record(folder)
        if record is None:
            raise ConfigError(f"{folder / FILE_NAME}: no such file; name folders of runs that have left a run record")
        records.append(record)
    return records


def collect_study(folder: Path) -> list[Record]:
    """The records under a study's folder (`<arm>/seed_<n>/record.json`), by arm's name and seed.

    Raises:
        ConfigError: There is none, or one cannot be read.
    """
    records = collect(file.parent for file in folder.glob(f"*/seed_*/{FILE_NAME}"))
    if not records:
        raise ConfigError(f"{folder}: holds no <arm>/seed_<n>/{FILE_NAME}; name the folder of a study")
    return sorted(records, key=lambda record: (record.arm, record.seed))


def check_comparable(records: Sequence[Record], factors: Sequence[str]) -> None:
    """Refuse to compare complete runs that differ in anything but the declared factors and the seeds.

    - Every key that affects results must be equal in all runs, but for the factors (`source` covers `source.*`), the
      seeds, and the keys that were tuned, by the same search in all runs; those must be equal within each arm.
      Between runs of the same seed the single streams' seeds must be equal too.
    - Runs with the same `seeds.split` must have read the same data. A factor under `data` may change train and val;
      test only if it is the data set itself or `data.test_fraction`.
    - A module of the user's own code must be the same file in all runs that loaded it.
    - No arm has a seed twice.

    Raises:
        ConfigError: Naming the first two runs that differ, and all differing keys with both values.
    """
    complete = [record for record in records if record.status == "complete"]
    for twice in _groups(complete, run_name):
        if len(twice) > 1:
            raise ConfigError(f"refuses to compare: {run_name(twice[0])} occurs {len(twice)} times; name each run once")

    tuned = _tuned_keys(complete)

    def settings(record: Record) -> dict[str, Any]:
        flat = affecting_results(record.config)
        return {key: value for key, value in flat.items() if not covered(key, [*factors, *SEED_KEYS, *tuned])}

    def chosen(record: Record) -> dict[str, Any]:
        return {key: value for key, value in affecting_results(record.config).items() if key in tuned}

    def seeds(record: Record) -> dict[str, Any]:
        flat = affecting_results(record.config)
        return {key: value for key, value in flat.items() if covered(key, SEED_KEYS) and not covered(key, factors)}

    _check_equal(complete, settings)
    for arm in _groups(complete, lambda record: record.arm):
        _check_equal(arm, chosen)
    for same_seed in _groups(complete, lambda record: record.seed):
        _check_equal(same_seed, seeds)
    for same_split in _groups(complete, lambda record: record.config.get("seeds", {}).get("split", record.seed)):
        _check_equal(same_split, lambda record: _fingerprints(record, factors))


def seedless_differences(a: Record, b: Record) -> dict[str, str]:
    """The keys that affect results and differ between two runs, the seeds aside, each as `key: value and value`."""
    flat = (affecting_results(a.config), affecting_results(b.config))
    left, right = ({key: value for key, value in side.items() if not covered(key, SEED_KEYS)} for side in flat)
    return _differing(left, right) | _differing_code(a, b)


def covered(key: str, by: Iterable[str]) -> bool:
    """Whether a dotted key is one of `by` or lies under one (`source.path` under `source`)."""
    return any(key == outer or key.startswith(outer + ".") for outer in by)


def _tuned_keys(records: Sequence[Record]) -> list[str]:
    """The keys tuned in all records, where they are the same ones."""
    tuned = [record.config.get("tune") or [] for record in records]
    return tuned[0] if tuned and all(keys == tuned[0] for keys in tuned) else []


def _differing_code(a: Record, b: Record) -> dict[str, str]:
    """The modules of the user's own code that both loaded from different files, by their names."""
    left, right = (record.code.files if record.code else {} for record in (a, b))
    keys = [module for module in sorted(left.keys() & right.keys()) if left[module] != right[module]]
    return {key: f"the code of {key}: sha256 {left[key][:12]}… and {right[key][:12]}…" for key in keys}


def _fingerprints(record: Record, factors: Sequence[str]) -> dict[str, str]:
    prints = record.data.fingerprints if record.data else {}
    if (_REDRAWS_TEST | _DECODES_ANEW) & set(factors):
        prints = {}
    elif any(covered(factor, ["data"]) for factor in factors):
        prints = {split: sha for split, sha in prints.items() if split == "test"}
    return {f"data.fingerprints.{split}": sha for split, sha in prints.items()}


def _groups(records: Iterable[Record], key: Callable[[Record], Hashable]) -> list[list[Record]]:
    groups: dict[Hashable, list[Record]] = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return list(groups.values())


def _check_equal(records: Sequence[Record], values: Callable[[Record], dict[str, Any]]) -> None:
    for other in records[1:]:
        a, b = values(records[0]), values(other)
        differing = _differing(a, b) | _differing_code(records[0], other)
        if differing:
            raise ConfigError(
                f"refuses to compare {run_name(records[0])} and {run_name(other)}, which differ in "
                f"{'; '.join(differing.values())}; only declared factors may differ: declare the key in `factors` or "
                "repeat one run"
            )


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, str]:
    keys = [key for key in sorted(a.keys() | b.keys()) if a.get(key, _ABSENT) != b.get(key, _ABSENT)]
    return {key: f"{key}: {a.get(key, _ABSENT)!r} and {b.get(key, _ABSENT)!r}" for key in keys}
