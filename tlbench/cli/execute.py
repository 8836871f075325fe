"""What the command does in a run's folder: show a complete run, repeat it, go on with it, or start it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tlbench.config import TrainConfig
from tlbench.console import banner, say, shown
from tlbench.embedded.stand_ins import banner_text
from tlbench.errors import ConfigError, Failure, UserError
from tlbench.loggers.check import check_loggers
from tlbench.records.curves import CURVES_FILE, mend_curves
from tlbench.records.folder import earlier_record, set_aside, tidy_if_free
from tlbench.records.lock import locked
from tlbench.records.record import FILE_NAME, Record
from tlbench.records.show import show_record
from tlbench.records.tuning import tuning_of
from tlbench.runs.notices import warn_of
from tlbench.runs.preflight import preflight
from tlbench.system.own_files import refuse_links_out
from tlbench.system.streams import results_are_kept
from tlbench.system.voice import Voice


class RunFailed(Failure):
    """A run failed; its record holds the traceback."""


@dataclass(frozen=True)
class Executed:
    """A complete run, and whether it was complete before."""

    record: Record
    was_complete: bool


def execute(config: TrainConfig, folder: Path) -> Executed:
    """Bring the run in `folder` to its end.

    Raises:
        UserError: The input is at fault, or another process works in the folder.
        RunFailed: The run failed; its record says why.
        Interrupted: A signal asked to stop.
    """
    if config.plan:
        raise ConfigError(
            "plan=true: a dry run is made without hydra.mode and other launchers; drop them, or plan=true"
        )
    results_are_kept()
    tuning_of(config, folder)
    complete = _complete(config, folder)
    if complete is not None and not config.rerun:
        tidy_if_free(folder)
        if mend_curves(folder / CURVES_FILE, complete.curves):
            say(f"{shown(folder / CURVES_FILE)} was not as the run wrote it; written anew from the record")
        return _show(complete, folder)
    with locked(folder):
        return _execute(config, folder)


def _execute(config: TrainConfig, folder: Path) -> Executed:
    """The same, where no other process works in the folder: what lies there is read only now."""
    complete = _complete(config, folder)
    if complete is not None and not config.rerun:  # another process has just completed it
        return _show(complete, folder)
    check_loggers(config.logger)
    refuse_links_out(folder)
    if complete is not None:
        aside = set_aside(folder)
        assert aside is not None
        say(f"rerun=true: the earlier run is kept in {shown(aside)}")
    earlier = earlier_record(folder, config.model_dump(mode="json"))
    if config.stand_ins:
        banner(banner_text(config.stand_ins))
    if config.trainer.devices > 1:  # read when torch is imported; DDP warns in C++ when nothing is frozen any more
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    preflight(config)
    from tlbench.runs.run import (
        run,  # heavy (torch, Lightning), so only now that the configuration is known to be valid
    )

    try:
        record = run(config, folder, resumes=earlier.volatile.resumes if earlier else 0, voice=Voice(say, warn_of))
    except UserError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise RunFailed(f"the run failed: {reason} (traceback in {shown(folder / FILE_NAME)})") from error
    show_record(record, folder)
    return Executed(record, was_complete=False)


def _complete(config: TrainConfig, folder: Path) -> Record | None:
    record = earlier_record(folder, config.model_dump(mode="json"))
    return record if record is not None and record.status == "complete" else None


def _show(record: Record, folder: Path) -> Executed:
    say(f"complete since {record.volatile.finished}, nothing to train (rerun=true repeats it)")
    show_record(record, folder)
    return Executed(record, was_complete=True)
