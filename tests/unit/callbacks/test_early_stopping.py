from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from tlbench.adaptation.stages import Stage
from tlbench.callbacks.early_stopping import StageEarlyStopping
from tlbench.callbacks.gradual_unfreezing import GradualUnfreezing

NAN = float("nan")


@pytest.fixture
def scripted(tiny_task: Any) -> Any:
    class Scripted(tiny_task):  # type: ignore[misc]
        """Its val/oa follows a script, an entry an epoch."""

        def __init__(self, script: Sequence[float]) -> None:
            super().__init__()
            self.script = script

        def enter_stage(self, number: int) -> None:
            pass

        def start_rates(self, number: int, step: int) -> None:
            pass

        def on_validation_epoch_end(self) -> None:
            if not self.trainer.sanity_checking:
                self.log("val/oa", torch.tensor(self.script[self.current_epoch]))

    return Scripted


@pytest.fixture
def run(scripted: Any, fit: Any) -> Any:
    """Fits along a script; returns the epochs trained, the first epoch of each stage begun, and the callback."""

    def run(
        script: Sequence[float], begins: Sequence[int | None] = (0,), callbacks: Sequence[Any] = (), **options: Any
    ) -> tuple[int, list[int], StageEarlyStopping]:
        resume = options.pop("resume", None)
        unfreezing = GradualUnfreezing([Stage(str(number), (), (), epoch) for number, epoch in enumerate(begins)])
        values = {"mode": "max", "min_delta": 0.0, "stalls_end_stages": False, **options}
        stopping = StageEarlyStopping(unfreezing, monitor="val/oa", **values)
        trainer = fit(
            scripted(script),
            [unfreezing, stopping, *callbacks],
            epochs=len(script),
            train_batches=1,
            resume=resume,
            enable_progress_bar=False,
        )
        return trainer.current_epoch, unfreezing.first_epochs, stopping

    return run


def test_patience_counts_epochs_without_improvement(run: Any):
    assert run([1, 2, 2, 3, 3, 3, 4, 5], patience=2)[0] == 6
    assert run([1, 2, 2, 3, 3, 3, 4, 5], patience=3)[0] == 8


def test_the_direction_and_the_least_improvement_count(run: Any):
    assert run([5, 4, 3, 3, 3, 1], patience=2, mode="min")[0] == 5
    assert run([5, 4, 3, 2, 1, 0], patience=2)[0] == 3
    assert run([1.0, 1.4, 1.6, 1.9, 2.0, 9.0], patience=2, min_delta=0.5)[0] == 5


def test_patience_starts_again_with_each_stage(run: Any):
    """The best of the first stage, 9, is never reached again; its stalls are not held against the second."""
    epochs, first_epochs, _ = run([9, 8, 8, 1, 2, 2, 2, 9], begins=[0, 3], patience=2)
    assert (epochs, first_epochs) == (7, [0, 3])


def test_epochs_waited_in_the_stage_before_do_not_count(run: Any):
    """Where a stage begins with a number there is nothing to count; NaN is no improvement."""
    assert run([9, 8, NAN, 1, 2, 2, 2, 9], begins=[0, 2], patience=2)[0] == 7


def test_a_stall_before_the_last_stage_ends_neither_the_run_nor_the_stage(run: Any):
    epochs, first_epochs, _ = run([9, 8, 8, 8, 8, 8, 1, 1, 1], begins=[0, 6], patience=1)
    assert (epochs, first_epochs) == (8, [0, 6])


def test_a_stall_ends_the_stage_and_in_the_last_stage_the_run(run: Any):
    script = [1, 1, 0, 0, 2, 3, 3, 9, 9]
    epochs, first_epochs, _ = run(script, begins=[0, None, None], patience=1, stalls_end_stages=True)
    assert (epochs, first_epochs) == (7, [0, 2, 4])


def test_a_stage_that_improves_goes_on(run: Any):
    script = [1, 2, 3, 4, 5, 6]
    epochs, first_epochs, _ = run(script, begins=[0, None], patience=1, stalls_end_stages=True)
    assert (epochs, first_epochs) == (6, [0])


def test_a_metric_that_is_not_a_number_is_no_improvement(run: Any):
    epochs, _, stopping = run([NAN, 1, NAN, 2, NAN, NAN, 9], patience=2)
    assert (epochs, stopping.wait_count, stopping.best_score.item()) == (6, 2, 2)
    script = [1, NAN, 1, NAN, 9]
    epochs, first_epochs, _ = run(script, begins=[0, None], patience=1, stalls_end_stages=True)
    assert (epochs, first_epochs) == (4, [0, 2])


@pytest.mark.parametrize("end", [[2, 2], [NAN, NAN]])
def test_a_run_that_had_stopped_stays_stopped(run: Any, tmp_path: Path, end: list[float]):
    checkpoints = ModelCheckpoint(dirpath=tmp_path, filename="{step}", save_top_k=-1, save_on_train_epoch_end=True)
    script = [1, 2, *end, 9, 9]
    assert run(script, patience=2, callbacks=[checkpoints])[0] == 4
    epochs, _, stopping = run(script, patience=2, resume=tmp_path / "step=4.ckpt")
    assert (epochs, stopping.wait_count) == (4, 2)


@pytest.mark.parametrize("epoch", range(1, 7))
def test_a_resumed_run_counts_on(run: Any, tmp_path: Path, epoch: int):
    options = {"begins": [0, None, None], "patience": 1, "stalls_end_stages": True}
    script = [1, 1, 0, 0, 2, 3, 3, 9, 9]
    checkpoints = ModelCheckpoint(dirpath=tmp_path, filename="{step}", save_top_k=-1, save_on_train_epoch_end=True)
    assert run(script, callbacks=[checkpoints], **options)[:2] == (7, [0, 2, 4])
    resumed = run(script, resume=tmp_path / f"step={epoch}.ckpt", **options)
    assert resumed[:2] == (7, [0, 2, 4])
    state = torch.load(tmp_path / f"step={epoch}.ckpt", weights_only=True)["callbacks"]
    (kept,) = [value for key, value in state.items() if key.startswith("StageEarlyStopping")]
    assert kept["stage"] == {1: 0, 2: 0, 3: 1, 4: 1, 5: 2, 6: 2}[epoch]
