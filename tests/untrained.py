"""Takes the place of `tlbench.runs.run` in processes of their own: training is a wait, all else is the command's.

`prepare` lets every process started afterwards find it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.records import record
from tlbench.config import TrainConfig
from tlbench.records.record import BestRecord, Record, write_record
from tlbench.records.tuning import tuning_of
from tlbench.system.interrupts import Interrupted, interruptible
from tlbench.system.voice import PRINTING, Voice

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[1]
TRAININGS, SECONDS = "TEST_TRAININGS", "TEST_SECONDS"

SITECUSTOMIZE = f"""
import sys
from importlib.util import spec_from_file_location

class Untrained:
    def find_spec(self, name, path, target=None):
        return spec_from_file_location(name, {__file__!r}) if name == "tlbench.runs.run" else None

sys.meta_path.insert(0, Untrained())
"""


def prepare(monkeypatch: pytest.MonkeyPatch, folder: Path, seconds: float) -> Path:
    """Let runs take so many seconds; the file in which each notes that it trains."""
    patches = folder / "patches"
    patches.mkdir()
    (patches / "sitecustomize.py").write_text(SITECUSTOMIZE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(patches), str(ROOT)]))
    monkeypatch.setenv(TRAININGS, str(folder / "trainings"))
    monkeypatch.setenv(SECONDS, str(seconds))
    return folder / "trainings"


def run(config: TrainConfig, folder: Path, resumes: int = 0, voice: Voice = PRINTING) -> Record:
    """Note it, wait, and write a record."""
    with Path(os.environ[TRAININGS]).open("a") as file:
        file.write(f"{folder.name}\n")
    voice.say(f"environment: {sorted(name for name in os.environ if name.startswith('TLBENCH_LAUNCH'))}")
    values = config.model_dump(mode="json")
    best = BestRecord(monitor="val/oa", value=config.optimizer.lr, epoch=1, stage="full")
    try:
        with interruptible():
            time.sleep(float(os.environ[SECONDS]))
    except Interrupted:
        write_record(folder, record(config=values, status="interrupted", metrics={}))
        raise
    made = record(config=values, best=best, tuning=tuning_of(config, folder))
    write_record(folder, made)
    return made
