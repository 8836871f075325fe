from __future__ import annotations

import pytest
import torch
from lightning.pytorch import Trainer

from tlbench.callbacks.resumable import MovableCheckpoint


def test_the_best_checkpoint_is_remembered_in_a_moved_folder(tmp_path):
    before = MovableCheckpoint(dirpath=tmp_path / "before", monitor="val/oa", mode="max")
    before.best_model_score = torch.tensor(0.9)
    before.best_model_path = before.kth_best_model_path = str(tmp_path / "before" / "best.ckpt")
    before.best_k_models = {before.best_model_path: before.best_model_score}
    after = MovableCheckpoint(dirpath=tmp_path / "after", monitor="val/oa", mode="max")
    after.load_state_dict(before.state_dict())
    moved = str(tmp_path / "after" / "best.ckpt")
    assert after.best_model_score == 0.9
    assert (after.best_model_path, after.kth_best_model_path) == (moved, moved)
    assert after.best_k_models == {moved: torch.tensor(0.9)}


@pytest.mark.promise("the last of equal epochs")
@pytest.mark.parametrize(("later_on_tie", "kept"), [(False, [0, 1, 4]), (True, [0, 1, 2, 4, 5])])
def test_of_equal_epochs_the_first_or_the_last_is_kept(later_on_tie, kept, tmp_path):
    best = MovableCheckpoint(dirpath=tmp_path, monitor="val/map50_95", mode="max", later_on_tie=later_on_tie)
    trainer, found = Trainer(logger=False, accelerator="cpu"), []
    for epoch, value in enumerate([0.0, 0.1, 0.1, 0.0, 0.2, 0.2, float("nan")]):
        if best.check_monitor_top_k(trainer, torch.tensor(value)):
            found.append(epoch)
            best.best_model_score = torch.tensor(value)
            best.kth_best_model_path, best.best_k_models = "best.ckpt", {"best.ckpt": torch.tensor(value)}
    assert found == kept
