"""A study as it lies in its folder: its summary and the records of the runs that this counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from tlbench.config.arms import earlier_arm_name
from tlbench.errors import ConfigError
from tlbench.records.record import Record, read_record
from tlbench.study.kept import runs_in
from tlbench.study.summary import SUMMARY_FILE, StudySummary
from tlbench.system.regular_file import read_regular
from tlbench.tasks.registry import percentages, spec_of_stored

_DEPTHS = (1, 2, 3)  # at which `hydra.sweep.subdir` may put runs; two by default


def read_stored(folder: Path) -> tuple[StudySummary, tuple[Record, ...]]:
    """What a study's command has summed up, and the complete runs that it counts, arms in its order, then by seed.

    Data and weights may be gone.

    Raises:
        ConfigError: It is not a study's folder, or its summary or a record cannot be read.
    """
    path = folder / SUMMARY_FILE
    try:
        summary = TypeAdapter(StudySummary).validate_json(read_regular(path))
    except FileNotFoundError:
        raise ConfigError(
            f"{folder}: no {SUMMARY_FILE} in it; give the folder of a study, such as outputs/STUDY"
        ) from None
    except (OSError, ValidationError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: cannot be read ({reason[:200]}); the study's command writes it anew") from None
    there = (read_record(place) for place in runs_in(folder, _DEPTHS))
    records = counted(summary, (record for record in there if record is not None))
    tasks = [spec_of_stored(each.task, each.config).name for each in records[:1]]
    tasks += [summary.read.task] if summary.read else []
    return (replace(summary, percent=percentages(tasks[0])) if tasks else summary), records


def counted(summary: StudySummary, records: Iterable[Record]) -> tuple[Record, ...]:
    """The complete runs that a summary counts, arms in its order and by its names, then by seed."""
    order = {arm.name: number for number, arm in enumerate(summary.arms)}
    known = {(arm.name, seed) for arm in summary.arms for seed in arm.seeds}
    named = [each if each.arm in order else _as_earlier(each) for each in records]
    found = [each for each in named if each.status == "complete" and (each.arm, each.seed) in known]
    return tuple(sorted(found, key=lambda record: (order[record.arm], record.seed)))


def _as_earlier(record: Record) -> Record:
    """A record with its arm's name as a summary of an earlier version has it, in its sentences too."""
    return record.model_copy(update={"arm": earlier_arm_name(record.config, record.factors)})
