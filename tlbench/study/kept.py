"""What lies in a study's folder beside the runs of a command: a narrower repeat keeps the other seeds and arms."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.config.arms import earlier_arm_name
from tlbench.errors import ConfigError
from tlbench.records.lock import holder
from tlbench.records.record import FILE_NAME, Record, read_record
from tlbench.records.tuning import TUNING_FOLDER
from tlbench.study.collect import (
    Configured,
    config_conflicts,
    conflicts,
    differences_of_arms,
    run_name,
    seedless_differences,
)
from tlbench.study.summary import Failure, LeftOut, failure_of

OF_NO_STUDY = (TUNING_FOLDER, "previous_", ".")
"""How folders begin that hold trials, or runs that were repeated."""


@dataclass(frozen=True)
class Kept:
    """What other commands have left in a study's folder.

    Attributes:
        records: Of complete runs that can be compared with those of this command, by arm and seed.
        left_out: Other runs, each with the reason.
        failed: Runs that failed and, had they not, would be among the records: they count by arm.
    """

    records: tuple[Record, ...]
    left_out: tuple[LeftOut, ...]
    failed: tuple[Failure, ...] = ()


def kept_runs(
    study: Path, own: Iterable[Path], records: Sequence[Record], planned: Sequence[Configured], factors: list[str]
) -> Kept:
    """Read what other commands have left.

    Args:
        study: The study's folder.
        own: The folders of this command's runs.
        records: Those of these runs that left one.
        planned: This command's runs, as they were planned; at least one.
        factors: The declared factors.
    """
    own = list(own)
    complete = [record for record in records if record.status == "complete"]
    kept: list[Record] = []
    left_out, failed = [], []
    for folder in others(study, own):
        name = folder.relative_to(study).as_posix()
        try:
            record = read_record(folder)
        except ConfigError:
            left_out.append(LeftOut(name, f"its {FILE_NAME} cannot be read"))
            continue
        if record is None:
            continue
        reason = _unfit(record, folder, [*complete, *kept], planned, factors)
        if reason is None:
            kept.append(record)
        elif record.status == "failed" and record.factors == factors and _belongs(record, planned, factors):
            failed.append(failure_of(record))
        else:
            left_out.append(LeftOut(name, reason))
    return Kept(tuple(kept), tuple(left_out), tuple(failed))


def others(study: Path, own: Iterable[Path]) -> Iterator[Path]:
    """The folders of runs in a study's folder, as deep in it as the given ones, in the order of their names; without
    the given ones, trials, and runs that were repeated.
    """
    own = set(own)
    depths = {len(folder.relative_to(study).parts) for folder in own if folder.is_relative_to(study)}
    yield from (folder for folder in runs_in(study, depths) if folder not in own)


def runs_in(study: Path, depths: Iterable[int]) -> Iterator[Path]:
    """The folders of runs so many folders below a study's, in the order of their names; without trials, and runs that
    were repeated.
    """
    found = {file.parent for depth in depths for file in study.glob("/".join(["*"] * depth + [FILE_NAME]))}
    for folder in sorted(found, key=_by_number):
        if not any(part.startswith(OF_NO_STUDY) for part in folder.relative_to(study).parts):
            yield folder


def declared_before(study: Path, factors: Sequence[str]) -> list[str] | None:
    """The factors that the study's complete runs declare, where they are more than these and all declare the same.

    A command that names one value of what was swept before means those runs; with fewer factors their arms, and so
    their folders, would have other names.
    """
    declared = []
    for folder in others(study, [study / "arm" / "seed"]):
        with contextlib.suppress(ConfigError):
            record = read_record(folder)
            if record is not None and record.status == "complete":
                declared.append(record.factors)
    wider = [found for found in declared if set(found) > set(factors)]
    alone = bool(wider) and all(found == wider[0] for found in declared)
    return wider[0] if alone else None


def arms_in_order(own: Sequence[Configured], kept: Sequence[Record], summary: Path) -> list[str]:
    """All arms, so that the one that the others are compared with stays the same: the last, unless one is random.

    Those of a command that has all of them are in its order; else they are in that of the study's summary, or as their
    runs began, and new ones stand before the last.

    Args:
        own: The runs of this command, in its order.
        kept: The records of others.
        summary: The study's `summary.json`, as it was before; it may have the arms by their earlier names.
    """
    renamed = {earlier_arm_name(run.config, run.config.get("factors", [])): run.arm for run in [*own, *kept]}
    own_arms = list(dict.fromkeys(run.arm for run in own))
    begun: dict[str, str] = {}
    for record in sorted(kept, key=lambda record: record.volatile.started):
        begun.setdefault(record.arm, record.volatile.started)
    if begun.keys() <= set(own_arms):
        return own_arms
    stored = [renamed.get(name, name) for name in _arms_of(summary)]
    before = [name for name in stored if name in begun or name in own_arms]
    before += [name for name in begun if name not in before and name not in own_arms]
    new = [name for name in own_arms if name not in before]
    return [*before[:-1], *new, *before[-1:]]


def _arms_of(summary: Path) -> list[str]:
    try:
        return [str(arm["name"]) for arm in json.loads(summary.read_bytes())["arms"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _unfit(
    record: Record, folder: Path, complete: Sequence[Record], planned: Sequence[Configured], factors: list[str]
) -> str | None:
    """Why a run cannot stand beside those of a command; None: it can."""
    if record.status != "complete":
        there = holder(folder)
        return f"{record.status}, {f'and {there} is at work on it' if there else 'not complete'}"
    if record.factors != factors:
        return f"declares factors=[{','.join(record.factors)}]"
    twin = next((other for other in complete if run_name(other) == run_name(record)), None)
    if twin is not None:
        return f"there is another run of {run_name(twin)}"
    for conflict in config_conflicts([*planned, record], factors):
        return f"another configuration ({'; '.join(conflict.differing.values())})"
    for run in (run for run in planned if run.arm == record.arm):
        differing = differences_of_arms(run, record)
        if differing:
            return f"another configuration ({'; '.join(differing.values())})"
    for other in (other for other in complete if other.arm == record.arm):
        differing = seedless_differences(other, record) | _differing_weights(other, record)
        if differing:
            return f"differs from {run_name(other)} in {'; '.join(differing.values())}"
    for conflict in conflicts([*complete, record], factors):
        return f"differs from {run_name(conflict.runs[0])} in {'; '.join(conflict.differing.values())}"
    return None


def _belongs(record: Record, planned: Sequence[Configured], factors: list[str]) -> bool:
    """Whether a run has the configuration of one of the study's, its seed aside."""
    same = [run for run in planned if run.arm == record.arm]
    fits = next(config_conflicts([*planned, record], factors), None) is None
    return fits and not any(differences_of_arms(run, record) for run in same)


def _differing_weights(a: Record, b: Record) -> dict[str, str]:
    """That one path held other weights."""
    left, right = ((record.weights or {}).get("sha256") for record in (a, b))
    shown = [f"{sha[:12]}…" if sha else "none" for sha in (left, right)]
    return {} if left == right else {"weights": f"the source's weights: sha256 {shown[0]} and {shown[1]}"}


def _by_number(folder: Path) -> list[tuple[str, int]]:
    """`seed_9` before `seed_10`."""
    split = [re.fullmatch(r"(.*?)(\d*)", part) for part in folder.parts]
    return [(match[1], int(match[2] or 0)) for match in split if match]
