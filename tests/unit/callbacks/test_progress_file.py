"""What a run tells of how far it is, with a clock that only batches move."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch import Callback, LightningDataModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from tests.locks import fabricate
from tests.unit.callbacks.test_progress import Clock
from tlbench.callbacks import progress_file as module
from tlbench.callbacks.progress_file import ProgressFile
from tlbench.records.progress import PROGRESS_FILE, Progress, read_progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(train_s: float, val_s: float) -> Clock:
        clock = Clock(train_s, val_s)
        monkeypatch.setattr(module, "monotonic", clock)
        return clock

    return install


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Progress]:
    found: list[Progress] = []
    monkeypatch.setattr(module, "write_progress", lambda _folder, progress: found.append(progress))
    return found


def seen(told: list[Progress]) -> list[tuple[str, int, float, float | None]]:
    return [(each.phase, each.epoch, each.seconds, each.left_s) for each in told]


class Images(Callback):
    """As a run's data module: twice as many images to test as to validate."""

    def on_train_start(self, trainer: Trainer, *_: Any) -> None:
        module: Any = LightningDataModule()
        module.target = SimpleNamespace(splits={"val": range(8), "test": range(16)})
        trainer.datamodule = module


@pytest.mark.promise("a study shows its runs")
def test_steps_and_validations_to_come_are_counted_each_at_its_own_pace(tiny_task, fit, clock, told, tmp_path):
    fit(tiny_task(), [clock(2.0, 3.0), ProgressFile(tmp_path)], epochs=2, train_batches=3, val_batches=2)
    # 2 s a step, of 6; a validation counts as 2 batches of training until one was made, of 2 batches at 3 s
    assert seen(told) == [
        ("fit", 1, 0, None),
        ("fit", 1, 2, 2 * 5 + 2 * 4),
        ("fit", 1, 4, 2 * 4 + 2 * 4),
        ("fit", 1, 6, 2 * 3 + 2 * 4),
        ("validate", 1, 9, 2 * 3 + 2 * 4 - 3),
        ("validate", 1, 12, 2 * 3 + 2 * 4 - 6),
        ("fit", 2, 14, 2 * 2 + 6),
        ("fit", 2, 16, 2 * 1 + 6),
        ("fit", 2, 18, 6),
        ("validate", 2, 21, 3),
        ("validate", 2, 24, 0),
    ]
    assert {(each.of, each.monitor) for each in told} == {(2, "val/oa")}


def test_the_test_counts_as_a_validation_of_as_many_images(tiny_task, fit, clock, told, tmp_path):
    callbacks = [clock(2.0, 3.0), Images(), ProgressFile(tmp_path)]
    trainer = fit(tiny_task(), callbacks, epochs=1, train_batches=3, val_batches=2)
    assert told[-1].left_s == 2 * 2 * 2  # none was measured yet: 2 s a batch, twice as many images as in 2 batches
    trainer.test(trainer.lightning_module, trainer.val_dataloaders, verbose=False)
    assert seen(told)[-1] == ("test", 1, 12, 2 * 6)
    told.clear()
    callbacks[-1] = ProgressFile(tmp_path, tested=False)
    fit(tiny_task(), callbacks, epochs=1, train_batches=3, val_batches=2)
    assert told[-1].left_s == 0


@pytest.mark.promise("a study shows its runs")
def test_a_resumed_run_goes_by_the_pace_of_its_own_process(tiny_task, fit, clock, told, tmp_path):
    last = ModelCheckpoint(dirpath=tmp_path, filename="last", save_on_train_epoch_end=True)
    fit(tiny_task(), [clock(100.0, 100.0), last], epochs=1, train_batches=3)
    callbacks = [clock(2.0, 3.0), ProgressFile(tmp_path)]
    fit(tiny_task(), callbacks, epochs=3, train_batches=3, val_batches=2, resume=tmp_path / "last.ckpt")
    first = next(each for each in told if each.left_s is not None)
    assert (first.epoch, first.of, first.left_s) == (2, 3, 2 * 5 + 2 * 4)


def test_a_limit_of_time_cuts_it_short(tiny_task, fit, clock, told, tmp_path):
    used: Any = SimpleNamespace(seconds=5.0)
    fit(tiny_task(), [clock(2.0, 3.0), ProgressFile(tmp_path, clock=used, limit=8.0)], epochs=9, train_batches=3)
    lefts = [each.left_s for each in told]
    assert lefts[:10] == [None] + 9 * [3.0]
    assert lefts[-2:] == [3.0, 0.0]  # of the last validation


def test_the_best_value_so_far_is_told(tiny_task, fit, clock, told, tmp_path):
    best: Any = SimpleNamespace(best_model_score=0.25)
    fit(tiny_task(), [clock(2.0, 3.0), ProgressFile(tmp_path, best)], epochs=1)
    assert {each.value for each in told} == {0.25}
    told.clear()
    best.best_model_score = float("nan")
    fit(tiny_task(), [clock(2.0, 3.0), ProgressFile(tmp_path, best)], epochs=1)
    assert {each.value for each in told} == {None}


def test_writes_are_a_second_apart_and_take_a_hundredth_of_the_time(tiny_task, fit, clock, monkeypatch, tmp_path):
    for took, expected in ((0.0, 1.0), (0.25, 25.0)):
        now, times = clock(0.25, 0.0), []

        def write(_folder: Any, _progress: Progress, now: Clock = now, times: list[float] = times, took: float = took):
            times.append(now.now)
            now.now += took

        monkeypatch.setattr(module, "write_progress", write)
        fit(tiny_task(), [now, ProgressFile(tmp_path)], epochs=2, train_batches=60, val_batches=1)
        apart = [b - a for a, b in itertools.pairwise(times)]
        assert len(apart) > 0
        assert min(apart) >= expected
        assert max(apart) <= expected + 0.5 + took


def test_the_file_names_the_lock_and_stays_where_the_folder_is(tiny_task, fit, clock, tmp_path):
    run, gone = tmp_path / "run", tmp_path / "gone"
    run.mkdir()
    fabricate(run)
    fit(tiny_task(), [clock(2.0, 3.0), ProgressFile(run)], epochs=2)
    found = read_progress(run)
    assert found is not None
    assert (found.phase, found.epoch, found.left_s) == ("validate", 2, 0)
    assert [path.name for path in run.iterdir() if path.name != ".lock"] == [PROGRESS_FILE]
    fit(tiny_task(), [clock(2.0, 3.0), ProgressFile(gone)], epochs=1)
    assert not gone.exists()
