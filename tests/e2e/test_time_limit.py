from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from tests.commands import TINY_RANDOM, train


@pytest.mark.usefixtures("tiny_network")
def test_a_run_ended_by_time_is_complete_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by 10 s at each look: one an epoch's end, one a checkpoint."""
    clock = itertools.count(0, 10)
    monkeypatch.setattr("tlbench.callbacks.training_clock.monotonic", lambda: float(next(clock)))
    limit = ("trainer.max_epochs=6", "trainer.max_time_s=45", "optimizer.schedule=constant")
    outcome = train(*TINY_RANDOM, *limit, f"hydra.run.dir={tmp_path}")
    assert outcome.code == 0
    record = json.loads((tmp_path / "record.json").read_text())
    assert (record["status"], len(record["curves"])) == ("complete", 3)
    steps = record["curves"][-1]["step"]
    assert record["volatile"]["epoch_ends_s"] == [10, 30, 50]
    assert record["volatile"]["stopped_by_time"] == {"epochs": 3, "steps": steps, "seconds": 50}
    val = [row["val/oa"] for row in record["curves"]]
    assert record["best"]["value"] == max(val)
    said = " ".join(outcome.out.split())
    assert f"trainer.max_time_s=45 has ended training after 3 of 6 epochs, {steps:.0f} steps and 50.0 s" in said
    assert f"ended by trainer.max_time_s after 3 of 6 epochs, {steps:.0f} steps and 50.0 s" in said.replace(" │ ", " ")
