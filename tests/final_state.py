"""Tests compare all that training ends with. A complete run keeps no checkpoint to go on from; here it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

FINAL, BEFORE_FINAL = "final.ckpt", "before_final.ckpt"
"""The names under which `last.ckpt` and `previous.ckpt` stay beside a complete run."""


def keep_final_state(patch: pytest.MonkeyPatch) -> None:
    """Let complete runs of this process keep their last checkpoint, as `FINAL`, and the one before."""
    from tlbench.records.folder import LAST_CHECKPOINT, PREVIOUS_CHECKPOINT

    def set_aside(folder: Path) -> None:
        (folder / LAST_CHECKPOINT).replace(folder / FINAL)
        if (folder / PREVIOUS_CHECKPOINT).exists():
            (folder / PREVIOUS_CHECKPOINT).replace(folder / BEFORE_FINAL)

    patch.setattr("tlbench.runs.run.tidy", set_aside)
