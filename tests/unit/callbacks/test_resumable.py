from __future__ import annotations

from types import SimpleNamespace

import torch

from tlbench.callbacks.resumable import LastingEarlyStopping, MovableCheckpoint


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


def test_a_run_that_had_stopped_early_stays_stopped():
    for waited, stops in ((1, False), (2, True)):
        stopping = LastingEarlyStopping(monitor="val/oa", mode="max", patience=2)
        stopping.wait_count = waited
        trainer = SimpleNamespace(should_stop=False)
        stopping.on_train_start(trainer, None)
        assert trainer.should_stop is stops
