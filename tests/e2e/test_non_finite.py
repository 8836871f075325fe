from __future__ import annotations

import json

import pytest
import torch

from tests.commands import TINY_RANDOM, train
from tlbench.tasks.classification import ClassificationTask

pytestmark = pytest.mark.usefixtures("tiny_network")


def test_a_learning_rate_far_too_high_ends_as_a_failed_run_with_step_and_hint(tmp_path):
    steps = ("data.shots=8", "optimizer.lr=1e30")
    outcome = train(*TINY_RANDOM, *steps, f"hydra.run.dir={tmp_path}")
    assert outcome.code == 1
    line = outcome.one_line()
    record = json.loads((tmp_path / "record.json").read_text())
    assert (record["status"], record["error"]["type"]) == ("failed", "NonFiniteLoss")
    for text in (line, record["error"]["message"]):
        assert "training loss is" in text
        assert "at step" in text
        assert "try a lower optimizer.lr (now 1e+30)" in text
    assert "Traceback" in record["error"]["traceback"]
    assert record["metrics"] == {}
    assert not (tmp_path / "best.ckpt").exists()


@pytest.mark.parametrize("bad_step", [2, 3])  # the first and the last of the second epoch
def test_the_checkpoints_from_before_stay_finite(tmp_path, monkeypatch, bad_step):
    loss, steps = ClassificationTask.training_step, []

    def sometimes_nan(self, batch, batch_idx):
        steps.append(batch_idx)
        return loss(self, batch, batch_idx) * (float("nan") if len(steps) == bad_step + 1 else 1.0)

    monkeypatch.setattr(ClassificationTask, "training_step", sometimes_nan)
    outcome = train(*TINY_RANDOM, f"hydra.run.dir={tmp_path}")
    assert outcome.code == 1
    assert f"training loss is nan at step {bad_step}" in outcome.one_line()
    record = json.loads((tmp_path / "record.json").read_text())
    assert [row["epoch"] for row in record["curves"]] == [1]
    for name in ("best.ckpt", "last.ckpt"):
        checkpoint = torch.load(tmp_path / name, weights_only=True)
        assert checkpoint["global_step"] == 2
        assert all(torch.isfinite(t).all() for t in checkpoint["state_dict"].values() if t.is_floating_point())
