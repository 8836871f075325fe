"""Pair existing runs that no sweep made: what differs between two sides, what forbids a comparison, and the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tlbench.errors import ConfigError
from tlbench.records.record import Record
from tlbench.study.collect import check_comparable, covered, seedless_differences, with_following
from tlbench.study.sides import Side
from tlbench.study.summary import StudySummary, summarise_study
from tlbench.tasks.registry import spec_of_stored

_DECODING = ("image_size", "stored_size", "fit", "native", "decode", "pixel_range")
"""Keys under `data` that the fingerprints of images depend on, as well as on whether they are kept in memory."""


@dataclass(frozen=True)
class Comparison:
    """Two sides in numbers.

    Attributes:
        differences: Each key in which they differ, the seeds aside, as `key: value and value`.
        summary: As a study's, with the second side as the baseline; its factors are what differs.
    """

    differences: tuple[str, ...]
    summary: StudySummary


def compare(
    a: Side,
    b: Side,
    factors: Sequence[str] | None = None,
    metric: str | None = None,
    margin: float | None = None,
) -> Comparison:
    """Compare two sides, paired by seed, by the statistics of a study.

    Args:
        a: What is compared.
        b: What it is compared with.
        factors: Keys in which they may differ, all else must be equal; None: they may differ in what they do.
        metric: Compared first; None: what a study of these runs compares first.
        margin: Differences of that metric up to it do not matter; None: `statistics.margin`, where all complete runs
            have the same and `metric` is not given.

    Raises:
        ConfigError: Pairing would make no sense: other task, classes, split or test images; or a metric that one side
            has not; or they differ in more than the given factors.
    """
    left, right = a.complete[0], b.complete[0]
    _check_sense(a, b, with_following(factors or ()))
    margins = _margins(a, b) if metric is None and margin is None else []
    metric = _usual_metric(a, b) if metric is None else metric
    metrics = _metrics(a, b, metric)
    if factors is not None:
        check_comparable([*a.complete, *b.complete], factors)
    differences = seedless_differences(left, right)
    tuned = set(left.config.get("tune") or []) if left.config.get("tune") == right.config.get("tune") else set()
    summary = summarise_study(
        [*a.records, *b.records],
        factors if factors is not None else _as_factors(differences.keys() - tuned),
        primary=metric,
        metrics=metrics,
        against={a.name: b.name},
        margin=margins[0] if len(margins) == 1 else margin,
    )
    shown = " and ".join(map(str, margins))
    asked = [f"statistics.margin: {shown}; none is used, margin=… gives one"] if len(margins) > 1 else []
    return Comparison((*differences.values(), *_unequal(a, b), *asked), summary)


def _check_sense(a: Side, b: Side, factors: Sequence[str]) -> None:
    for reason in _reasons(a, b):
        raise ConfigError(
            f"refuses to pair {a.name} and {b.name}: {reason}, so a difference between them would not be one of the "
            "models; compare runs on the same data and split"
        )
    for x, y in _pairs(a, b):
        decoded = _decoded_otherwise(x, y)
        if decoded and _differing_test_images(x, y) and not all(covered(key, factors) for key in decoded):
            raise ConfigError(
                f"refuses to pair {a.name} and {b.name}: whether they were tested on the same images cannot be told, "
                f"as those were decoded otherwise ({'; '.join(decoded.values())}); if they are of the same data, name "
                f"these keys in factors=[{','.join(decoded)}], with all else in which the runs may differ"
            )


def _reasons(a: Side, b: Side) -> Iterable[str]:
    """What makes pairing senseless."""
    left, right = a.complete[0], b.complete[0]
    if left.task != right.task:
        yield f"their tasks differ ({left.task} and {right.task})"
    classes = [record.data.class_names if record.data else [] for record in (left, right)]
    if classes[0] != classes[1]:
        yield f"their classes differ ({_classes(*classes)})"
    for x, y in _pairs(a, b):
        splits = [record.config.get("seeds", {}).get("split") for record in (x, y)]
        if splits[0] != splits[1]:
            yield f"their splits differ (seeds.split: {splits[0]} and {splits[1]})"
        if _differing_test_images(x, y) and not _decoded_otherwise(x, y):
            yield "they were tested on different images (data.fingerprints.test)"


def _differing_test_images(x: Record, y: Record) -> bool:
    """Whether the fingerprints of both differ; False where one was not tested."""
    prints = [record.data.fingerprints.get("test") if record.data else None for record in (x, y)]
    return None not in prints and prints[0] != prints[1]


def _decoded_otherwise(x: Record, y: Record) -> dict[str, str]:
    """Keys by which the same images have other fingerprints in two runs, each as `key: value and value`."""
    values = [
        {**{f"data.{key}": run.config.get("data", {}).get(key) for key in _DECODING}, "data.cache": storage}
        for run in (x, y)
        for storage in [run.data.storage if run.data else None]
    ]
    return {key: f"{key}: {one!r} and {values[1][key]!r}" for key, one in values[0].items() if one != values[1][key]}


def _classes(a: Sequence[str], b: Sequence[str]) -> str:
    if len(a) != len(b):
        return f"{len(a)} and {len(b)}"
    x, y = next((x, y) for x, y in zip(a, b, strict=True) if x != y)
    return f"{x!r} and {y!r}" if set(a) != set(b) else "in their order"


def _pairs(a: Side, b: Side) -> list[tuple[Record, Record]]:
    """Runs of one seed; where there are none, the first of each side stand for all."""
    others = {record.seed: record for record in b.complete}
    found = [(record, others[record.seed]) for record in a.complete if record.seed in others]
    return found or [(a.complete[0], b.complete[0])]


def _usual_metric(a: Side, b: Side) -> str:
    """The task's own; of runs without a test what chose their best epochs, where that is the same in all."""
    complete = [*a.complete, *b.complete]
    monitors = {record.best.monitor for record in complete if record.best and record.config.get("test") is False}
    untested = all(record.best and record.config.get("test") is False for record in complete)
    spec = spec_of_stored(complete[0].task, complete[0].config)
    return monitors.pop() if untested and len(monitors) == 1 else spec.main_metric


def _margins(a: Side, b: Side) -> list[float | None]:
    """Those that the complete runs were asked for, each once."""
    complete = (*a.complete, *b.complete)
    return list(dict.fromkeys(record.config.get("statistics", {}).get("margin") for record in complete))


def _metrics(a: Side, b: Side, wanted: str) -> list[str]:
    """Those to sum up: the wanted one, and the usual ones that both sides have."""
    has = [{name for record in side.complete for name in _names(record)} for side in (a, b)]
    for side, names in zip((a, b), has, strict=True):
        if wanted in names:
            continue
        if any(wanted in note.metrics for record in side.complete for note in record.evaluations.values()):
            raise ConfigError(
                f"metric={wanted}: {side.name} has it from evaluations of finished runs, each of data, a temperature "
                "and a version of the corruptions of its own, which are not compared; choose a metric of the runs' own"
            )
        known = ", ".join(sorted(name for name in has[0] & has[1] if name.count("/") == 1)) or "none in common"
        raise ConfigError(f"metric={wanted}: {side.name} has no such metric; both sides have: {known}")
    return [
        name
        for name in spec_of_stored(a.complete[0].task, a.complete[0].config).study_metrics
        if name in has[0] & has[1]
    ]


def _names(record: Record) -> set[str]:
    return {*record.metrics, *([record.best.monitor] if record.best else [])}


def _as_factors(keys: set[str]) -> list[str]:
    """Differing keys as factors: a group whose name differs stands for all of its keys."""
    groups = {key.rpartition(".")[0] for key in keys if key.endswith(".name")}
    return sorted(groups | {key for key in keys if key.split(".")[0] not in groups})


def _unequal(a: Side, b: Side) -> list[str]:
    """What else is unequal: versions, and in runs of one seed the seeds of other streams, and images."""
    versions = [side.complete[0].versions for side in (a, b)]
    found = [
        f"{name} {versions[0].get(name, 'absent')} and {versions[1].get(name, 'absent')}"
        for name in sorted(versions[0].keys() | versions[1].keys())
        if versions[0].get(name) != versions[1].get(name)
    ]
    for x, y in _pairs(a, b):
        if x.seed != y.seed:
            continue
        for stream in ("init", "order", "augment"):
            values = x.config.get("seeds", {}).get(stream), y.config.get("seeds", {}).get(stream)
            if values[0] != values[1]:
                found.append(f"seeds.{stream} in seed {x.seed}: {values[0]} and {values[1]}")
        for split in ("train", "val"):
            prints = [(record.data.fingerprints.get(split) if record.data else None) for record in (x, y)]
            if prints[0] != prints[1]:
                found.append(f"{split} images (data.fingerprints.{split}) in seed {x.seed}")
    return found
