from __future__ import annotations

import torch

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
