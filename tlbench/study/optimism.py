"""Studies without a test: by how much the best epoch's validation flatters, told of each arm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tlbench.records.record import Record
from tlbench.statistics.optimism import excess

_VALIDATION = "val/"


def optimism_of(runs: Sequence[Record], metric: str, *, higher_is_better: bool) -> float | None:
    """The mean of an arm's runs, ≥ 0, in the unit of the metric; None where no run's curve tells.

    Args:
        runs: Complete ones.
        metric: Of validation, that chose their best epochs.
        higher_is_better: Of the metric.
    """
    sign, found = 1 if higher_is_better else -1, []
    for run in runs:
        rows = {round(epoch): row.get(metric) for row in run.curves if (epoch := row.get("epoch")) is not None}
        if run.best is None or run.best.monitor != metric or run.best.epoch not in rows:
            continue
        epochs = range(min(rows), max(rows) + 1)
        curve = [None if (value := rows.get(epoch)) is None else sign * value for epoch in epochs]
        one = excess(curve, run.best.epoch - min(rows))
        found += [] if one is None else [one]
    return max(sum(found) / len(found), 0.0) if found else None


def of_validation(
    primary: str, runs: Mapping[str, Sequence[Record]], *, higher_is_better: bool, percent: bool
) -> Iterable[str]:
    """That what chose the best epochs judges them kindly, and by how much.

    Args:
        primary: The metric that arms are compared by.
        runs: Arm → its complete runs.
        higher_is_better: Of the metric.
        percent: Whether it is shown in percent.
    """
    if not primary.startswith(_VALIDATION):
        return
    line = (
        f"{primary} is the best of each run's epochs on the images that chose it, and so optimistic; with test=true "
        "there are figures of images that chose nothing."
    )
    found = {arm: optimism_of(of_arm, primary, higher_is_better=higher_is_better) for arm, of_arm in runs.items()}
    known = {arm: value for arm, value in found.items() if value is not None}
    if known:
        factor, digits, unit = (100, 2, " points") if percent else (1, 3, "")
        by = ", ".join(f"{factor * value:.{digits}f}{unit} in {arm}" for arm, value in known.items())
        line += f" By their curves it is so by about {by}: so far it lies above a line through the epochs around it."
    yield line
