"""What else differs between arms: calibration, corruptions and cost, paired over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tlbench.metrics.per_image import Details
from tlbench.records.evaluation import read_evaluations
from tlbench.records.evaluation_note import note_of
from tlbench.records.folder import BEST_CHECKPOINT
from tlbench.records.record import Record
from tlbench.reporting.looked_at import Key
from tlbench.statistics.spread import summarise
from tlbench.study.comparisons import Difference
from tlbench.study.differences import paired_difference

_MEGA = 1e6


@dataclass(frozen=True)
class Quantity:
    """A row of the table.

    Attributes:
        name: With its unit.
        values: Arm → seed → value.
        digits: Behind the point.
        compared: Whether differences say something; not of a floor, which is a yardstick.
    """

    name: str
    values: Mapping[str, Mapping[int, float]]
    digits: int
    compared: bool = True


@dataclass(frozen=True)
class QuantityRow:
    """A row as it is shown: the cells of the arms, then those of the compared pairs."""

    name: str
    arms: tuple[str, ...]
    differences: tuple[str, ...]


def side_effects(
    records: Sequence[Record],
    details: Mapping[Key, Details],
    arms: Sequence[str],
    compared: Sequence[Difference],
) -> list[QuantityRow]:
    """Rows of what a run has beside its scores; those that no run has are left out.

    Intervals are Student's t over the seeds alone.

    Args:
        records: Of complete runs.
        details: Of those that have them.
        arms: In their order.
        compared: Each arm with its baseline.
    """
    rows = []
    for each in quantities(records, details):
        if not any(each.values.values()):
            continue
        cells = tuple(_spread(each, arm) for arm in arms)
        differences = tuple(_difference(each, d) if each.compared else "" for d in compared)
        rows.append(QuantityRow(each.name, cells, differences))
    return rows


def quantities(records: Sequence[Record], details: Mapping[Key, Details]) -> list[Quantity]:
    """All of them, calibration first, those without a value too."""
    runs = {(run.arm, run.seed): run for run in records}
    found = []
    for name in dict.fromkeys(name for of in details.values() for name in of.floors):
        metric = f"test/{name}"
        floors = {key: of.floors.get(name) for key, of in details.items()}
        found.append(Quantity(metric, _by_arm({key: run.metrics.get(metric) for key, run in runs.items()}), 3))
        found.append(Quantity(f"{metric} by chance alone", _by_arm(floors), 3, compared=False))
    evaluated = {key: _evaluated(run) for key, run in runs.items()}
    for name in dict.fromkeys(name for of in evaluated.values() for name in of):
        found.append(Quantity(name, _by_arm({key: of.get(name) for key, of in evaluated.items()}), 3))
    for name, value, digits in _COST:
        found.append(Quantity(name, _by_arm({key: value(run) for key, run in runs.items()}), digits))
    return found


_COST: Sequence[tuple[str, Callable[[Record], float | None], int]] = (
    ("training, s", lambda run: run.volatile.fit_s, 1),
    ("test, s", lambda run: run.volatile.test_s, 1),
    ("whole run, s", lambda run: run.volatile.total_s, 1),
    ("training, images/s", lambda run: run.volatile.train_images_per_s, 0),
    ("best epoch", lambda run: run.best.epoch if run.best else None, 1),
    ("largest memory, MB", lambda run: run.volatile.peak_memory_mb, 0),
    ("parameters, millions", lambda run: run.model.parameters / _MEGA if run.model else None, 2),
    ("trained last, millions", lambda run: run.stages[-1].parameters / _MEGA if run.stages else None, 2),
)
"""Name with unit, value, digits behind the point."""


def _by_arm(values: Mapping[Key, float | None]) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for (arm, seed), value in values.items():
        if value is not None and math.isfinite(value):
            found.setdefault(arm, {})[seed] = value
    return found


def _evaluated(run: Record) -> dict[str, float]:
    """What later evaluations of the very test images added to the run's metrics; the last one counts.

    Of corruptions these are the means. An evaluation of other images that have the same name does not count, nor one
    whose file, which says so, is gone.
    """
    if run.folder is None or not run.evaluations:
        return {}
    found: dict[str, float] = {}
    known = (each for name, each in read_evaluations(run.folder).items() if name in run.evaluations)
    for each in sorted(known, key=lambda each: each.volatile.finished):
        of_it = each.data.own and each.data.split == "test"
        if of_it and each.run.checkpoint_sha256 == run.files.get(BEST_CHECKPOINT):
            found |= {
                name: value
                for name, value in note_of(each).metrics.items()
                if value is not None and name not in run.metrics and name.startswith("test/") and name.count("/") == 1
            }
    return found


def _spread(quantity: Quantity, arm: str) -> str:
    spread = summarise(list(quantity.values.get(arm, {}).values()))
    if spread.mean is None:
        return "-"
    mean = f"{spread.mean:,.{quantity.digits}f}"
    return mean if spread.std is None else f"{mean} ± {spread.std:,.{quantity.digits}f}"


def _difference(quantity: Quantity, of: Difference) -> str:
    a, b = (quantity.values.get(name, {}) for name in (of.arm, of.baseline))
    if not a.keys() & b.keys():
        return "-"
    found = paired_difference(a, b, of.paired.confidence)
    assert found.mean is not None
    shown = _signed(found.mean, quantity.digits)
    if found.low is None or found.high is None:
        return shown
    return f"{shown} [{_signed(found.low, quantity.digits)}, {_signed(found.high, quantity.digits)}]"


def _signed(value: float, digits: int) -> str:
    text = f"{value:+,.{digits}f}"
    return f"{0:.{digits}f}" if float(text.replace(",", "")) == 0 else text.replace("-", "−")
