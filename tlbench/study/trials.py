"""What lies in the folder of a trial: a finished one, a failed one, or what another search left."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tlbench.errors import ConfigError, FolderInUse
from tlbench.records.folder import (
    BEST_CHECKPOINT,
    LAST_CHECKPOINT,
    PREVIOUS_CHECKPOINT,
    earlier_record,
    set_aside,
)
from tlbench.records.lock import locked
from tlbench.records.record import read_record
from tlbench.records.tuning import TrialRecord, with_values
from tlbench.study.search import Search
from tlbench.system.atomic import output_errors


def finished_trial(search: Search, number: int, values: dict[str, float]) -> TrialRecord | None:
    """A complete trial of these values, from its folder; None where there is none."""
    config = with_values(search.config, values).model_dump(mode="json")
    try:
        record = earlier_record(search.trial_folder(number), config)
    except ConfigError:  # a trial of another search, or a damaged one
        return None
    if record is None or record.status != "complete" or record.best is None:
        return None
    return TrialRecord(values=values, value=record.best.value, status="complete")


def failed_trial(folder: Path, values: dict[str, float], code: int) -> TrialRecord | None:
    """A trial whose own training failed; not one whose input was at fault, or that something outside ended."""
    record = read_record(folder) if code == 1 else None
    if record is None or record.status != "failed" or record.error is None:
        return None
    reason = " ".join(f"{record.error.type}: {record.error.message}".split())
    return TrialRecord(values=values, value=None, status="failed", error=reason)


def make_room(search: Search, number: int, values: dict[str, float]) -> None:
    """Move away what another search left in a trial's folder.

    Raises:
        FolderInUse: Another process works there.
    """
    folder = search.trial_folder(number)
    try:
        earlier_record(folder, with_values(search.config, values).model_dump(mode="json"))
    except ConfigError:
        with locked(folder):
            set_aside(folder)


def remove_checkpoints(folder: Path) -> None:
    """Of a finished trial, whose value is in its record; ten trials of ResNet-18 would keep gigabytes.

    Where another process works in the folder, they stay.
    """
    names = (LAST_CHECKPOINT, PREVIOUS_CHECKPOINT, BEST_CHECKPOINT)
    if not any((folder / name).exists() for name in names):
        return
    with output_errors(folder), contextlib.suppress(FolderInUse), locked(folder):
        for name in names:
            (folder / name).unlink(missing_ok=True)
