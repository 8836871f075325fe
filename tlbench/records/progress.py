"""`progress.json`: how far a run is, for those who watch it; it lies in the run's folder only while the run goes on."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tlbench.errors import OutputError
from tlbench.records.lock_file import LOCK_FILE, read_lock
from tlbench.system.atomic import atomic_file
from tlbench.system.regular_file import read_regular

PROGRESS_FILE = "progress.json"

_LARGEST = 1 << 12  # bytes


class Progress(BaseModel):
    """How far a run is.

    Attributes:
        phase: What it does: training, validating (within an epoch) or testing.
        epoch: The epoch that it is in, from 1; in the test the last one.
        of: Epochs that it is to train.
        seconds: Since its process began to train.
        left_s: Seconds until it has trained, validated and tested, by what it took in this process; None: not known
            yet.
        monitor: The metric that chooses the best epoch.
        value: Its best value so far; None before the first.
        token: Of the lock that its process holds, so that what a killed one left is not taken for its successor's.
    """

    model_config = ConfigDict(frozen=True)

    phase: Literal["fit", "validate", "test"]
    epoch: int = Field(ge=0)
    of: int = Field(ge=0)
    seconds: float = Field(ge=0, allow_inf_nan=False)
    left_s: float | None = Field(None, ge=0, allow_inf_nan=False)
    monitor: str = Field("", max_length=200)
    value: float | None = Field(None, allow_inf_nan=False)
    token: str = ""


def lock_token(folder: Path) -> str:
    """Of the lock that lies in the folder; empty where there is none."""
    with contextlib.suppress(OSError):
        found = read_lock(folder / LOCK_FILE)
        return found.owner.token if found is not None and found.owner is not None else ""
    return ""


def write_progress(folder: Path, progress: Progress) -> None:
    """Write it atomically; a disk that refuses, or a folder that is gone, is the next checkpoint's to tell.

    Raises:
        FolderInUse: This process has lost its lock of the folder.
    """
    with contextlib.suppress(OSError, OutputError):
        if folder.is_dir():
            with atomic_file(folder / PROGRESS_FILE, durable=False) as file:
                file.write(progress.model_dump_json().encode() + b"\n")


def read_progress(folder: Path) -> Progress | None:
    """What the process that holds the folder's lock has told; None where it has told nothing yet, or there is none."""
    with contextlib.suppress(OSError, ValueError):
        progress = Progress.model_validate_json(read_regular(folder / PROGRESS_FILE, _LARGEST))
        return progress if progress.token and progress.token == lock_token(folder) else None
    return None


def remove_progress(folder: Path) -> None:
    """The run has ended; what the disk does not let go counts for nothing, as nobody holds the lock it names."""
    with contextlib.suppress(OSError):
        (folder / PROGRESS_FILE).unlink(missing_ok=True)
