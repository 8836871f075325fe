"""What a study says of how its arms' values were chosen."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence

from tlbench.records.record import Record
from tlbench.records.tuning import TuningRecord

_OUTSIDE = 1000  # the least seed that is proposed: that of conf/train.yaml


def tuning_notes(runs: Mapping[str, Sequence[Record]]) -> list[str]:
    """A sentence for each search, and what limits the choice of each arm.

    Args:
        runs: Arm → its complete runs.
    """
    found = {arm: run.tuning for arm, of_arm in runs.items() for run in of_arm[:1] if run.tuning is not None}
    sentences = list(dict.fromkeys(_sentence(tuning) for tuning in found.values()))
    seeds = {run.seed for of_arm in runs.values() for run in of_arm}
    shared = sorted({tuning.seed for tuning in found.values()} & seeds)
    return [*sentences, *(_shared(seed, seeds) for seed in shared), *_warnings(found)]


def _sentence(tuning: TuningRecord) -> str:
    ranges = " and ".join(f"{key} in [{low:g}, {high:g}]" for key, (low, high) in tuning.ranges.items())
    epochs = f"{tuning.max_epochs} epoch{'s' * (tuning.max_epochs > 1)} each"
    return f"{ranges}: chosen on validation ({tuning.monitor}), {tuning.budget} trials an arm, {epochs}."


def _shared(seed: int, seeds: Collection[int]) -> str:
    other = next(n for n in itertools.count(_OUTSIDE) if n not in seeds)
    return (
        f"Tuned with seed {seed}, which is one of the runs', too: the values suit it, and its runs look better than "
        f"those of other seeds; tuning.seed={other} in another study is none of theirs."
    )


def _warnings(found: Mapping[str, TuningRecord]) -> Iterable[str]:
    for arm, tuning in found.items():
        for warning in tuning.warnings:
            yield f"{arm}: {warning}"
        failed = sum(trial.value is None for trial in tuning.trials)
        if failed:
            yield f"{arm}: {failed} of {tuning.budget} trials failed and counted as the worst."
