"""Reading run records, and refusing to compare runs that differ in more than the declared factors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from tlbench.config.hash import affecting_results
from tlbench.config.parse import SEED_KEYS
from tlbench.config.resolvers import FOLLOWING
from tlbench.errors import ConfigError
from tlbench.records.record import FILE_NAME, Record, read_record

_ABSENT = "(absent)"
_DIVIDING = ("draw", "group", "folds")
# Factors that change which images are tested on; the other keys under `data` leave the test split alone.
_REDRAWS_TEST = {"data", *(f"data.{key}" for key in ("name", "root", "classes", "test_fraction", *_DIVIDING))}
# … or how its images are decoded, which their fingerprint covers
_DECODING = ("image_size", "stored_size", "fit", "native", "decode", "pixel_range", "cache", "memory_budget_mb")
_DECODES_ANEW = {f"data.{key}" for key in _DECODING}


def with_following(factors: Sequence[str]) -> list[str]:
    """Factors, and the keys whose defaults depend on them."""
    return [*factors, *(key for factor in factors for key in FOLLOWING.get(factor, ()))]


def run_name(run: Configured) -> str:
    """The run's place in its study's folder: `<arm>/seed_<n>`."""
    return f"{run.arm}/seed_{run.seed}"


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


class Configured(Protocol):
    """A run, made or planned."""

    @property
    def arm(self) -> str:
        """Its arm's name."""

    @property
    def seed(self) -> int:
        """`seed`."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Its configuration, in plain containers."""


C = TypeVar("C", bound=Configured)


class Conflict(NamedTuple):
    """Two runs that cannot be compared, and the keys in which they differ, each as `key: value and value`."""

    runs: tuple[Configured, Configured]
    differing: Mapping[str, str]

    def __str__(self) -> str:
        a, b = map(run_name, self.runs)
        return (
            f"refuses to compare {a} and {b}, which differ in {'; '.join(self.differing.values())}; only declared "
            "factors may differ: declare the key in `factors` or repeat one run"
        )


def check_comparable(records: Sequence[Record], factors: Sequence[str]) -> None:
    """Refuse to compare complete runs that differ in anything but the declared factors and the seeds.

    - As `check_configs`.
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
    for conflict in conflicts(complete, factors):
        raise ConfigError(str(conflict))


def check_configs(runs: Sequence[Configured], factors: Sequence[str]) -> None:
    """Refuse to compare runs whose configurations differ in anything but the declared factors and the seeds.

    Every key that affects results must be equal in all runs, but for the factors (`source` covers `source.*`), keys
    whose defaults follow from a factor, the seeds, and the keys that were tuned, by the same search in all runs; those
    must be equal within each arm. Between runs of the same seed the single streams' seeds must be equal too.

    Raises:
        ConfigError: Naming the first two runs that differ, and all differing keys with both values.
    """
    for conflict in config_conflicts(runs, factors):
        raise ConfigError(str(conflict))


def conflicts(complete: Sequence[Record], factors: Sequence[str]) -> Iterator[Conflict]:
    """What forbids to compare complete runs, see `check_comparable`."""
    yield from config_conflicts(complete, factors)
    yield from _unequal(complete, lambda _: {}, _differing_code)
    for same_split in _groups(complete, lambda record: record.config.get("seeds", {}).get("split", record.seed)):
        yield from _unequal(same_split, lambda record: _fingerprints(record, factors))


def config_conflicts(runs: Sequence[C], factors: Sequence[str]) -> Iterator[Conflict]:
    """What in their configurations forbids to compare runs, see `check_configs`."""
    tuned = _tuned_keys(runs)
    following = with_following(factors)
    free = [*following, *SEED_KEYS, *tuned]

    def settings(run: C) -> dict[str, Any]:
        return {key: value for key, value in affecting_results(run.config).items() if not covered(key, free)}

    def chosen(run: C) -> dict[str, Any]:
        return {key: value for key, value in affecting_results(run.config).items() if key in tuned}

    def seeds(run: C) -> dict[str, Any]:
        flat = affecting_results(run.config)
        return {key: value for key, value in flat.items() if covered(key, SEED_KEYS) and not covered(key, following)}

    yield from _unequal(runs, settings)
    for arm in _groups(runs, lambda run: run.arm):
        yield from _unequal(arm, chosen)
    for same_seed in _groups(runs, lambda run: run.seed):
        yield from _unequal(same_seed, seeds)


def seedless_differences(a: Record, b: Record) -> dict[str, str]:
    """The keys that affect results and differ between two runs, the seeds aside, each as `key: value and value`."""
    return differences_of_arms(a, b) | _differing_code(a, b)


def differences_of_arms(a: Configured, b: Configured) -> dict[str, str]:
    """The same, by the configurations alone."""
    flat = (affecting_results(a.config), affecting_results(b.config))
    left, right = ({key: value for key, value in side.items() if not covered(key, SEED_KEYS)} for side in flat)
    return _differing(left, right)


def covered(key: str, by: Iterable[str]) -> bool:
    """Whether a dotted key is one of `by` or lies under one (`source.path` under `source`)."""
    return any(key == outer or key.startswith(outer + ".") for outer in by)


def _tuned_keys(runs: Sequence[Configured]) -> list[str]:
    """The keys tuned in all runs, where they are the same ones."""
    tuned = [run.config.get("tune") or [] for run in runs]
    return tuned[0] if tuned and all(keys == tuned[0] for keys in tuned) else []


def _differing_code(a: Record, b: Record) -> dict[str, str]:
    """The modules of the user's own code that both loaded from different files, by their names."""
    left, right = (record.code.files if record.code else {} for record in (a, b))
    keys = [module for module in sorted(left.keys() & right.keys()) if left[module] != right[module]]
    return {key: f"the code of {key}: sha256 {left[key][:12]}… and {right[key][:12]}…" for key in keys}


def _fingerprints(record: Record, factors: Sequence[str]) -> dict[str, str]:
    prints = record.data.fingerprints if record.data else {}
    if (_REDRAWS_TEST | _DECODES_ANEW) & set(with_following(factors)):
        prints = {}
    elif any(covered(factor, ["data"]) for factor in factors):
        prints = {split: sha for split, sha in prints.items() if split == "test"}
    return {f"data.fingerprints.{split}": sha for split, sha in prints.items()}


def _groups(runs: Iterable[C], key: Callable[[C], Hashable]) -> list[list[C]]:
    groups: dict[Hashable, list[C]] = defaultdict(list)
    for run in runs:
        groups[key(run)].append(run)
    return list(groups.values())


def _unequal(
    runs: Sequence[C],
    values: Callable[[C], dict[str, Any]],
    further: Callable[[C, C], dict[str, str]] = lambda _a, _b: {},
) -> Iterator[Conflict]:
    """The runs that differ from the first, in their values or further."""
    for other in runs[1:]:
        differing = _differing(values(runs[0]), values(other)) | further(runs[0], other)
        if differing:
            yield Conflict((runs[0], other), differing)


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, str]:
    keys = [key for key in sorted(a.keys() | b.keys()) if a.get(key, _ABSENT) != b.get(key, _ABSENT)]
    return {key: f"{key}: {a.get(key, _ABSENT)!r} and {b.get(key, _ABSENT)!r}" for key in keys}
