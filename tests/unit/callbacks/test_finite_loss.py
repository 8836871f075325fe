from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from tlbench.callbacks.finite_loss import FiniteLoss, NonFiniteLoss


@pytest.mark.promise("a non-finite loss")
@pytest.mark.parametrize(
    ("saving", "limit_val_batches"),
    [
        ({"save_on_train_epoch_end": True, "save_weights_only": True}, 0),  # no validation, as max_steps may have it
        ({"save_on_train_epoch_end": False, "save_weights_only": True}, 1.0),  # right after validation
        ({"every_n_train_steps": 9}, 1.0),  # in the middle of the epoch, before the losses are due to be checked
    ],
    ids=["epoch end", "validation end", "mid-epoch"],
)
def test_a_nan_is_reported_with_its_step_before_any_checkpoint(
    tiny_task: Any, fit: Any, tmp_path: Path, saving: dict[str, Any], limit_val_batches: float
) -> None:
    callbacks = [
        FiniteLoss(check_every_n_steps=50),
        ModelCheckpoint(dirpath=tmp_path / "checkpoints", save_top_k=-1, **saving),
    ]
    with pytest.raises(NonFiniteLoss) as caught:
        fit(tiny_task(bad_step=7), callbacks, train_batches=10, limit_val_batches=limit_val_batches)
    assert caught.value.step == 7
    assert not list((tmp_path / "checkpoints").glob("*"))
    message = str(caught.value)
    assert "loss is nan at step 7 (counted from 0), in epoch 1 " in message
    assert "optimizer.lr (now 0.4)" in message  # as configured, not what the schedule has made of it
    assert "\n" not in message


def test_an_infinite_loss_counts_and_the_earliest_of_a_later_epoch_is_named(tiny_task: Any, fit: Any) -> None:
    with pytest.raises(NonFiniteLoss, match=r"loss is inf at step 4 .*, in epoch 2 ") as caught:
        fit(tiny_task(bad_step=4, bad_value=float("inf")), [FiniteLoss(check_every_n_steps=50)], train_batches=3)
    assert caught.value.step == 4


def test_the_run_stops_after_n_steps_not_at_the_end_of_the_epoch(tiny_task: Any, fit: Any) -> None:
    task = tiny_task(bad_step=1)
    with pytest.raises(NonFiniteLoss):
        fit(task, [FiniteLoss(check_every_n_steps=3)], train_batches=10)
    assert task.trainer.global_step == 3


def test_finite_losses_pass(tiny_task: Any, fit: Any) -> None:
    assert fit(tiny_task(), [FiniteLoss(check_every_n_steps=2)], train_batches=3).global_step == 6
