from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from tlbench.callbacks.curves import Curves
from tlbench.callbacks.gradual_unfreezing import GradualUnfreezing


class Independent(Callback):
    """What Lightning itself reports when an epoch is over, seen from the next epoch's start or the fit's end."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step:
            self._note(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._note(trainer)

    def _note(self, trainer: Trainer) -> None:
        self.epochs.append({name: value.item() for name, value in trainer.callback_metrics.items()})


def test_rows_hold_the_metrics_of_their_own_epoch_and_the_rates(tiny_task: Any, fit: Any, tmp_path: Path) -> None:
    unfreezing = GradualUnfreezing([])
    unfreezing.number = 1
    curves, independent = Curves(unfreezing), Independent()
    logger = CSVLogger(tmp_path, name="", version="")
    fit(tiny_task(), [curves, independent], epochs=3, train_batches=3, logger=logger, log_every_n_steps=1)
    assert [(row["epoch"], row["step"], row["stage"]) for row in curves.rows] == [(1, 3, 2), (2, 6, 2), (3, 9, 2)]
    for row, reported in zip(curves.rows, independent.epochs, strict=True):
        assert reported.keys() == {"train/loss", "train/oa", "val/loss", "val/oa"}
        assert {name: row[name] for name in reported} == reported
        assert row["lr/stem"] == 0.1 * 0.5 ** row["step"]
        assert row["lr/head"] == 0.4 * 0.5 ** row["step"]
        assert all(type(value) in (int, float) for value in row.values())
    assert len({row["train/loss"] for row in curves.rows}) == 3
    logged = [line.split(",") for line in (tmp_path / "metrics.csv").read_text().splitlines()]
    column, stage = logged[0].index("lr/head"), logged[0].index("stage")
    assert [float(line[stage]) for line in logged[1:] if line[stage]] == [2.0, 2.0, 2.0]
    assert [float(line[column]) for line in logged[1:] if line[column]] == [row["lr/head"] for row in curves.rows]


@pytest.mark.parametrize("whole_epochs", [0, 1])
def test_an_epoch_that_max_steps_ends_does_not_repeat_an_earlier_validation(
    tiny_task: Any, fit: Any, whole_epochs: int
) -> None:
    curves = Curves()
    fit(tiny_task(), [curves], epochs=3, train_batches=3, max_steps=3 * whole_epochs + 2)
    *whole, last = curves.rows
    assert ["val/oa" in row for row in whole] == [True] * whole_epochs
    assert last["step"] == 3 * whole_epochs + 2
    assert "train/oa" in last
    assert not [name for name in last if name.startswith("val/")]


@pytest.mark.parametrize(("epochs", "max_steps"), [(3, -1), (9, 8)])
def test_a_resumed_run_has_the_whole_curves(
    tiny_task: Any, fit: Any, tmp_path: Path, epochs: int, max_steps: int
) -> None:
    whole, resumed = Curves(), Curves()
    checkpoints = ModelCheckpoint(dirpath=tmp_path, filename="{step}", save_top_k=-1, save_on_train_epoch_end=True)
    fit(tiny_task(), [whole, checkpoints], epochs=epochs, train_batches=3, max_steps=max_steps)
    checkpoint = tmp_path / "step=6.ckpt"
    assert torch.load(checkpoint, weights_only=True)["callbacks"]["Curves"]["rows"] == whole.rows[:2]
    fit(tiny_task(), [resumed], epochs=epochs, train_batches=3, max_steps=max_steps, resume=checkpoint)
    assert resumed.rows == whole.rows
    assert len(whole.rows) == 3


def test_the_table_is_whole_after_each_epoch(tiny_task: Any, fit: Any, tmp_path: Path) -> None:
    file, seen = tmp_path / "curves.csv", []

    class Reader(Callback):
        def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            seen.append(file.read_text().splitlines()[1:] if file.exists() else None)

    curves = Curves(file=file)
    file.write_text("of another run")
    fit(tiny_task(), [curves, Reader()], epochs=3)
    lines = file.read_text().splitlines()[1:]
    assert seen == [None, lines[:1], lines[:2]]
    assert [float(line.split(",")[0]) for line in lines] == [1, 2, 3]


def test_a_resumed_run_brings_the_table_to_its_checkpoint_first(tiny_task: Any, fit: Any, tmp_path: Path) -> None:
    file, seen = tmp_path / "curves.csv", []

    class Reader(Callback):
        def on_train_batch_start(self, *_: Any) -> None:
            seen.append(len(file.read_text().splitlines()) - 1)

    checkpoints = ModelCheckpoint(dirpath=tmp_path, filename="{step}", save_top_k=-1, save_on_train_epoch_end=True)
    fit(tiny_task(), [Curves(file=file), checkpoints], epochs=3)
    whole = file.read_bytes()
    fit(tiny_task(), [Curves(file=file), Reader()], epochs=3, resume=tmp_path / "step=6.ckpt")
    assert seen == [2, 2, 2]
    assert file.read_bytes() == whole
