"""Lock files that no process took."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from tlbench.processes.identity import ProcessIdentity
from tlbench.records.lock_file import LOCK_FILE


def fabricate(folder: Path, age: float = 0.0, **changed: object) -> Path:
    """The lock of this very process, with fields changed, last touched so many seconds ago."""
    owner = {"since": "2026-01-01T00:00:00+00:00", "command": "python -m tlbench.train", "token": "theirs"}
    path = folder / LOCK_FILE
    path.write_text(json.dumps({**ProcessIdentity.own().model_dump(), **owner, **changed}))
    touch(path, age)
    return path


def touch(path: Path, age: float) -> None:
    then = time.time() - age
    os.utime(path, (then, then))
