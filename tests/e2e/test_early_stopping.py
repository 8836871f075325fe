from __future__ import annotations

import json

import pytest
import torch

from tests.commands import TINY_RANDOM, train


@pytest.mark.promise("the best checkpoint is tested")
@pytest.mark.usefixtures("tiny_network")
def test_a_run_that_does_not_improve_ends_early_and_its_best_epoch_is_the_recorded_one(tmp_path):
    still = ("optimizer.lr=1e-12", "trainer.max_epochs=6", "callbacks.early_stopping.patience=2")
    assert train(*TINY_RANDOM, *still, f"hydra.run.dir={tmp_path}").code == 0
    record = json.loads((tmp_path / "record.json").read_text())
    val = [row["val/oa"] for row in record["curves"]]
    best = val.index(max(val)) + 1
    assert len(val) == best + 2 < 6
    assert (record["best"]["epoch"], record["best"]["value"]) == (best, max(val))
    assert (record["best"]["monitor"], record["best"]["stage"]) == ("val/oa", "full")
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == best - 1
