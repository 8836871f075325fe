from __future__ import annotations

import io
import re
import sys
from collections import Counter
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from rich.console import Console
from rich.progress import Progress

from tlbench import console
from tlbench.callbacks import progress
from tlbench.callbacks.curves import Curves
from tlbench.callbacks.finite_loss import FiniteLoss
from tlbench.callbacks.progress import RunProgress

READ_BACKS = ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__", "__format__")


class Clock(Callback):
    """Time that only passes while batches are computed, seconds each; listed before the progress."""

    def __init__(self, train_s: float, val_s: float) -> None:
        self.now, self.train_s, self.val_s = 1000.0, train_s, val_s

    def __call__(self) -> float:
        return self.now

    def on_train_batch_end(self, *_: Any) -> None:
        self.now += self.train_s

    def on_validation_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if not trainer.sanity_checking:
            self.now += self.val_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(train_s: float, val_s: float) -> Clock:
        clock = Clock(train_s, val_s)
        monkeypatch.setattr(progress, "monotonic", clock)
        return clock

    return install


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    screen = io.StringIO()
    monkeypatch.setattr(console, "console", Console(file=screen, force_terminal=True, width=100, color_system=None))
    monkeypatch.setattr(console, "is_terminal", lambda: True)
    return screen


@pytest.mark.promise("progress")
def test_one_plain_line_an_epoch_whose_rate_leaves_validation_out(
    tiny_task: Any, fit: Any, clock: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = RunProgress()
    trainer = fit(tiny_task(), [clock(2.0, 3.0), bar], epochs=2, train_batches=3, val_batches=2)
    lines = capsys.readouterr().out.splitlines()
    # 4 images a batch: 12 images in 6 s of training, then 6 s of validation
    number = r"\d+\.\d{3}"
    for epoch, left, line in zip((1, 2), (12, 0), lines, strict=True):
        expected = rf"epoch {epoch}/2  train/loss {number}  val/oa {number}  val/loss {number}"
        assert re.fullmatch(rf"{expected}  2 images/s  12\.0 s  ETA {left} s", line)
    assert f"train/loss {trainer.callback_metrics['train/loss'].item():.3f} " in lines[1]
    assert bar.images_per_s == 2.0


def test_inside_a_long_epoch_a_line_every_30_s(
    tiny_task: Any, fit: Any, clock: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(tiny_task(), [clock(4.0, 40.0), RunProgress()], epochs=1, train_batches=20, val_batches=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "epoch 1/1  step 8/20  1 images/s  32 s  ETA 48 s",
        "epoch 1/1  step 16/20  1 images/s  64 s  ETA 16 s",
        "epoch 1/1  validation 1/1  0:02:00  ETA 0 s",
    ]
    assert len(lines) == 4


def test_max_steps_and_a_run_taken_up_at_its_step(
    tiny_task: Any, fit: Any, clock: Any, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    last = ModelCheckpoint(dirpath=tmp_path, filename="last", save_on_train_epoch_end=True)
    fit(tiny_task(), [last], epochs=1, train_batches=3, enable_progress_bar=False)
    capsys.readouterr()
    callbacks = [clock(1.0, 0.0), RunProgress()]
    fit(tiny_task(), callbacks, epochs=9, train_batches=3, max_steps=8, resume=tmp_path / "last.ckpt")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 2/3", "epoch 3/3"]
    assert lines[0].endswith("ETA 2 s")  # 1 s a step since the resumption, 2 of 8 steps left
    assert "val/oa" in lines[0]
    assert "val/oa" not in lines[1]  # no validation any more


def test_test_says_test(tiny_task: Any, fit: Any, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    task = tiny_task()
    trainer = fit(task, [RunProgress()], epochs=1)
    capsys.readouterr()
    trainer.test(task, trainer.val_dataloaders, verbose=False)
    assert re.fullmatch(r"test  8 images  \d+ images/s  \d\.\d s\n", capsys.readouterr().out)


@pytest.mark.promise("progress")
def test_a_terminal_gets_a_bar_redrawn_at_most_4_times_a_second(
    tiny_task: Any, fit: Any, clock: Any, terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    redraws = Counter[str]()
    update = Progress.update

    def counted(self: Progress, task_id: Any, **fields: Any) -> None:
        redraws[fields["description"]] += 1
        update(self, task_id, **fields)

    monkeypatch.setattr(Progress, "update", counted)
    fit(tiny_task(), [clock(1 / 64, 1 / 8), RunProgress()], epochs=2, train_batches=64, val_batches=4)
    assert redraws == {"epoch 1/2": 6, "epoch 2/2": 6}  # an epoch: 1 s of training and 0.5 s of validation
    screen = terminal.getvalue()
    assert "━" in screen
    assert "validation 2/4" in screen
    lasting = [line for line in re.split(r"[\r\n]+", screen) if "val/loss" in line]
    assert len(lasting) == 2


def test_reads_from_the_device_do_not_grow_with_the_steps(
    tiny_task: Any, fit: Any, clock: Any, terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = Counter[str]()

    def counted(name: str) -> Any:
        original = getattr(torch.Tensor, name)

        def read(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            frame = sys._getframe(1)
            while frame is not None and "/tlbench/callbacks/" not in frame.f_code.co_filename:
                frame = frame.f_back
            counts[name] += frame is not None
            return original(self, *args, **kwargs)

        return read

    for name in READ_BACKS:
        monkeypatch.setattr(torch.Tensor, name, counted(name), raising=False)

    def reads(batches: int) -> Counter[str]:
        counts.clear()
        callbacks = [clock(1.0, 1.0), RunProgress(), FiniteLoss(check_every_n_steps=1000), Curves()]
        fit(tiny_task(), callbacks, epochs=2, train_batches=batches)
        return Counter(counts)

    few = reads(3)
    assert few["tolist"] == 2  # the losses, once an epoch
    assert few["__float__"] > 0  # the metrics of progress and curves
    assert reads(12) == few


def test_a_disabled_bar_is_silent(tiny_task: Any, fit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    bar = RunProgress()
    bar.disable()
    fit(tiny_task(), [bar])
    assert capsys.readouterr().out == ""


def test_small_numbers_and_long_times_are_readable() -> None:
    assert [progress._number(x) for x in (0.4123, 0.0, 0.00012, float("nan"))] == ["0.412", "0.000", "1.2e-04", "nan"]
    assert [progress._duration(x) for x in (0.4, 99.4, 130.0, 7384.0)] == ["0 s", "99 s", "0:02:10", "2:03:04"]
