"""A run stopped at any moment goes on with the same command, and ends as if it had never been stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from pathlib import Path

import pytest
import torch

from benchmarks.equal_runs import scalars
from tests.commands import train
from tests.conftest import isolate, use_tiny_network
from tests.final_state import BEFORE_FINAL, FINAL
from tests.resuming import ALL_AUGMENTATION, GRADUAL, SHORT, STEPS, assert_equal_runs, go, short_config, stop_at
from tests.slow import mostly_slow, thinned
from tlbench.adaptation.accumulation import KEY
from tlbench.adaptation.freezing import group_hash
from tlbench.callbacks.curves import Curves
from tlbench.cli.execute import RunFailed
from tlbench.runs.checkpoints import read_checkpoint
from tlbench.tasks.base import Task
from tlbench.tasks.classification.task import ClassificationTask

pytestmark = pytest.mark.usefixtures("final_state", "tiny_network")


class Killed(BaseException):
    """As if the process ended on the spot: nothing in tlbench catches it."""


def terminate():
    signal.raise_signal(signal.SIGTERM)


def die():
    raise Killed


RUNS = {
    "gradual": GRADUAL,
    "stalls, ema": (
        *GRADUAL,
        "strategy.every_n_epochs=null",
        "strategy.stall_patience=1",
        "callbacks.ema_decay=0.9",
        "callbacks.monitor=val/loss",
        "callbacks.early_stopping.min_delta=10",  # nothing improves so much: each stage stalls after two epochs
        "trainer.max_epochs=9",
    ),
    "stops early": (
        *SHORT,
        "callbacks.early_stopping.patience=1",
        "callbacks.early_stopping.min_delta=10",
        "callbacks.monitor=val/loss",
        "trainer.max_epochs=6",
        "model.norm=group",
    ),
    "all augmentation": (*SHORT, *ALL_AUGMENTATION),
    "recipe": (  # 4 batches a step, after a ramp: steps follow batches 0, 4 and 8, none of them an epoch's last
        *GRADUAL,
        "optimizer=yolo",
        "callbacks=yolo",
        "optimizer.nominal_batch=28",
        "optimizer.warmup_epochs=1",
        "optimizer.clip_norm=1",
    ),
    "one step an epoch": (*SHORT, "data.batch_size=30", "trainer.max_epochs=4"),
}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Folder and batches of each run, trained once without a stop."""
    done = {}

    def whole(name):
        if name not in done:
            folder = tmp_path_factory.mktemp("uninterrupted")
            with pytest.MonkeyPatch.context() as monkeypatch:
                isolate(monkeypatch, folder)
                use_tiny_network(monkeypatch)
                outcome = go(short_config(*RUNS[name]), folder)
            assert outcome.code == 0
            done[name] = (folder, outcome.batches)
        return done[name]

    return whole


IN_EPOCH_1, IN_EPOCH_2, AFTER_VALIDATION = STEPS - 1, 2 * STEPS - 1, "on_train_epoch_end"
MOMENTS = {
    # hook, which call of it, the step that the run goes on from
    "in the first epoch": ("gradual", ClassificationTask, "training_step", IN_EPOCH_1, IN_EPOCH_1),
    "in the middle of a later epoch": ("gradual", ClassificationTask, "training_step", IN_EPOCH_2, IN_EPOCH_2),
    "in an epoch's last batch": ("gradual", ClassificationTask, "training_step", 2 * STEPS, 2 * STEPS),
    "in validation": ("gradual", ClassificationTask, "validation_step", 2, 2 * STEPS),
    "between validation and the checkpoint": ("gradual", Curves, AFTER_VALIDATION, 2, 2 * STEPS),
    "in the last epoch's last batch": ("gradual", ClassificationTask, "training_step", 4 * STEPS, 4 * STEPS),
    "between a stage change and its first step": ("gradual", Task, "start_rates", 2, 2 * STEPS + 1),
    "in the test": ("gradual", ClassificationTask, "test_step", 1, 4 * STEPS),
    "stage by stall, averaged weights": ("stalls, ema", ClassificationTask, "training_step", 8, 8),
    "at the end of a stage that stalled": ("stalls, ema", ClassificationTask, "validation_step", 2, 2 * STEPS),
    "where patience has run out": ("stops early", ClassificationTask, "training_step", 2 * STEPS, 2 * STEPS),
    "with all augmentation": ("all augmentation", ClassificationTask, "training_step", STEPS + 2, STEPS + 2),
    "with gradients waiting in the middle of an epoch": ("recipe", ClassificationTask, "training_step", 8, 8),
    "with gradients waiting at an epoch's end": ("recipe", ClassificationTask, "training_step", STEPS, STEPS),
    "with no gradients waiting": ("recipe", ClassificationTask, "training_step", 5, 5),
    "with one step an epoch": ("one step an epoch", ClassificationTask, "training_step", 2, 2),
}

QUICK = (
    *("in the middle of a later epoch", "in validation", "between a stage change and its first step", "in the test"),
    *("at the end of a stage that stalled", "with all augmentation"),
    "with gradients waiting in the middle of an epoch",
)


@pytest.mark.promise("SIGTERM", "an interrupted run goes on")
@pytest.mark.parametrize("moment", mostly_slow(MOMENTS, *QUICK))
def test_sigterm(uninterrupted, tmp_path, capsys, moment):
    name, owner, hook, call, step = MOMENTS[moment]
    whole, batches = uninterrupted(name)
    config, folder = short_config(*RUNS[name]), tmp_path / "run"
    with stop_at(owner, hook, call, terminate):
        stopped = go(config, folder)
    assert stopped.code == 143
    assert json.loads((folder / "record.json").read_text())["status"] == "interrupted"
    capsys.readouterr()
    resumed = go(config, folder)
    assert resumed.code == 0
    assert f"goes on from run/last.ckpt (step {step})" in capsys.readouterr().out
    assert stopped.batches + resumed.batches == batches  # none left out, none trained twice
    assert_equal_runs(folder, whole)


def test_the_runs_do_what_their_names_say(uninterrupted):
    records = {name: json.loads((uninterrupted(name)[0] / "record.json").read_text()) for name in RUNS}
    assert [stage["first_epoch"] for stage in records["gradual"]["stages"]] == [1, 2, 3]
    assert [stage["first_epoch"] for stage in records["stalls, ema"]["stages"]] == [1, 3, 5]
    assert len(records["stalls, ema"]["curves"]) == 6
    assert len(records["stops early"]["curves"]) == 2
    open_windows = [
        read_checkpoint(uninterrupted("recipe")[0] / name).get(KEY, {}).get("batches") for name in (BEFORE_FINAL, FINAL)
    ]
    assert open_windows == [None, 3]  # of the third and the last epoch
    assert {row["step"] for row in records["one step an epoch"]["curves"]} == {1, 2, 3, 4}


def test_killed_with_gradients_waiting_at_a_change_of_stage(uninterrupted, tmp_path):
    """The checkpoint of the first epoch's end holds two batches of the head; the next stage unfreezes layer4."""
    whole, _ = uninterrupted("recipe")
    config, folder = short_config(*RUNS["recipe"]), tmp_path / "run"
    with stop_at(ClassificationTask, "training_step", STEPS + 1, die), pytest.raises(Killed):
        go(config, folder)
    waiting = torch.load(folder / "last.ckpt", weights_only=True)[KEY]
    assert waiting["batches"] == 2
    assert waiting["gradients"].keys() == {"network.fc.weight", "network.fc.bias"}
    assert go(config, folder).code == 0
    assert_equal_runs(folder, whole)


def test_killed_again_and_again_between_checkpoints(uninterrupted, tmp_path):
    whole, _ = uninterrupted("gradual")
    config, folder = short_config(*RUNS["gradual"]), tmp_path / "run"
    for call in (STEPS + 2, STEPS, 1):  # counted from the start of each
        with stop_at(ClassificationTask, "training_step", call, die), pytest.raises(Killed):
            go(config, folder)
        assert not (folder / "record.json").exists()
    assert go(config, folder).code == 0
    assert json.loads((folder / "record.json").read_text())["volatile"]["resumes"] == 1
    assert_equal_runs(folder, whole)


@pytest.mark.promise("no step twice")
def test_nothing_is_shown_twice_where_an_epoch_is_one_step(uninterrupted, tmp_path):
    """The third epoch's values are logged, its checkpoint is not written: they are logged again at the same step."""
    name = "one step an epoch"
    config, folder = short_config(*RUNS[name]), tmp_path / "run"
    with stop_at(Curves, "on_train_epoch_end", 3, die), pytest.raises(Killed):
        go(config, folder)
    assert go(config, folder).code == 0
    assert_equal_runs(folder, uninterrupted(name)[0])


@pytest.mark.promise("checkpoints by time")
def test_checkpoints_by_time_are_made_in_the_middle_of_an_epoch(tmp_path, capsys, uninterrupted):
    """Every step is due, epochs are not: the run goes on from the step before the one it was killed in."""
    whole, batches = uninterrupted("gradual")
    by_time = ("callbacks.checkpoint.every_n_epochs=4", "callbacks.checkpoint.every_n_minutes=1e-9")
    config, folder = short_config(*RUNS["gradual"], *by_time), tmp_path / "run"
    with stop_at(ClassificationTask, "training_step", IN_EPOCH_2 + 1, die), pytest.raises(Killed):
        go(config, folder)
    resumed = go(config, folder)
    assert f"(step {IN_EPOCH_2})" in capsys.readouterr().out
    assert resumed.batches == batches[IN_EPOCH_2:]
    assert scalars(folder) == scalars(whole)


@pytest.mark.promise("checkpoints by time")
def test_epochs_between_checkpoints(tmp_path):
    every_two = ("callbacks.checkpoint.every_n_epochs=2", "trainer.max_epochs=3")
    config = short_config(*SHORT, *every_two)
    assert go(config, tmp_path).code == 0
    steps = [read_checkpoint(tmp_path / name)["global_step"] for name in (BEFORE_FINAL, FINAL)]
    assert steps == [2 * STEPS, 3 * STEPS]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A gradual run stopped in the middle of its second epoch; the checkpoint before is of the first one's end."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        use_tiny_network(monkeypatch)
        with stop_at(ClassificationTask, "training_step", IN_EPOCH_2, terminate):
            assert go(short_config(*RUNS["gradual"]), folder / "run").code == 143
    return folder / "run"


def truncate(path: Path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path):
    content = bytearray(path.read_bytes())
    content[content.index(b"global_step")] ^= 1
    path.write_bytes(content)


def empty(path: Path):
    path.write_bytes(b"")


def garble(path: Path):
    path.write_bytes(bytes(range(256)) * 100)


@pytest.mark.promise("a damaged last checkpoint")
@pytest.mark.parametrize("damage", thinned([truncate, flip, empty, garble], 2))
def test_a_damaged_last_checkpoint(uninterrupted, stopped, tmp_path, capsys, damage):
    whole, batches = uninterrupted("gradual")
    folder = shutil.copytree(stopped, tmp_path / "run")
    damage(folder / "last.ckpt")
    damaged = (folder / "last.ckpt").read_bytes()
    resumed = go(short_config(*RUNS["gradual"]), folder)
    lines = capsys.readouterr().out.splitlines()
    (said,) = [line for line in lines if "damaged" in line]
    assert said.startswith("run/last.ckpt cannot be used (damaged: ")
    assert said.endswith("); the run takes the checkpoint before it")
    assert f"goes on from run/previous.ckpt (step {STEPS})" in lines
    assert resumed.batches == batches[STEPS:]
    assert (folder / "last.ckpt.damaged").read_bytes() == damaged
    assert_equal_runs(folder, whole)


def test_no_checkpoint_is_whole(uninterrupted, stopped, tmp_path, capsys):
    whole, batches = uninterrupted("gradual")
    folder = shutil.copytree(stopped, tmp_path / "run")
    truncate(folder / "last.ckpt")
    empty(folder / "previous.ckpt")
    resumed = go(short_config(*RUNS["gradual"]), folder)
    out = capsys.readouterr().out
    assert "previous.ckpt cannot be used (damaged" in out
    assert out.count("the run begins anew") == 1
    assert "goes on from" not in out
    assert resumed.batches == batches
    assert_equal_runs(folder, whole)


@pytest.fixture
def stopped_in_the_test(tmp_path):
    with stop_at(ClassificationTask, "test_step", 1, terminate):
        assert go(short_config(*SHORT), tmp_path / "run").code == 143
    return tmp_path / "run"


def foreign(path: Path):
    """Leave the checkpoint of another configuration there, trained as far."""
    content = torch.load(path, weights_only=True)
    torch.save({**content, "config_hash": "f" * 64}, path)


@pytest.mark.promise("best.ckpt of another run")
@pytest.mark.parametrize(("spoil", "suffix"), thinned([(truncate, "damaged"), (foreign, "of_another_run")], 2))
def test_a_run_whose_best_checkpoint_is_not_its_own_begins_anew(stopped_in_the_test, tmp_path, spoil, suffix):
    whole = go(short_config(*SHORT), tmp_path / "whole")
    spoil(stopped_in_the_test / "best.ckpt")
    spoilt = (stopped_in_the_test / "best.ckpt").read_bytes()
    resumed = train(*SHORT, f"hydra.run.dir={stopped_in_the_test}")
    assert (whole.code, resumed.code) == (0, 0)
    assert "best.ckpt cannot be used (" in resumed.out
    assert "goes on from" not in resumed.out
    assert (stopped_in_the_test / f"best.ckpt.{suffix}").read_bytes() == spoilt
    assert_equal_runs(stopped_in_the_test, tmp_path / "whole")


def test_a_best_checkpoint_that_is_exchanged_while_the_run_trains_ends_it_in_one_line(tmp_path):
    def exchange():
        foreign(tmp_path / "best.ckpt")

    with stop_at(Task, "on_save_checkpoint", 3, exchange):  # of last.ckpt of the second and last epoch
        outcome = train(*SHORT, f"hydra.run.dir={tmp_path}", "trainer.max_epochs=2", "optimizer.lr=1e-9")
    assert outcome.code == 2
    assert "best.ckpt: cannot be used (another run's: of the configuration ffffffffffff…" in outcome.one_line()


@pytest.mark.promise("last.ckpt of another run")
def test_anothers_last_checkpoint_is_not_gone_on_from(uninterrupted, stopped, tmp_path, capsys):
    whole, batches = uninterrupted("gradual")
    folder = shutil.copytree(stopped, tmp_path / "run")
    (folder / "record.json").unlink()
    foreign(folder / "last.ckpt")
    resumed = go(short_config(*RUNS["gradual"]), folder)
    assert "last.ckpt cannot be used (another run's" in capsys.readouterr().out
    assert resumed.batches == batches[STEPS:]
    assert_equal_runs(folder, whole)


@pytest.mark.promise("a complete run is tidy")
def test_a_complete_run_keeps_nothing_to_go_on_from_and_the_next_command_tidies_what_a_kill_left(tmp_path, monkeypatch):
    monkeypatch.setattr("tlbench.runs.run.tidy", lambda folder: None)  # killed between the record and the tidying
    assert train(*SHORT, f"hydra.run.dir={tmp_path}").code == 0
    (tmp_path / ".best.ckpt.abcd1234").write_bytes(b"half")
    assert {"last.ckpt", "previous.ckpt"} < {path.name for path in tmp_path.iterdir()}
    before = (tmp_path / "record.json").read_bytes()
    assert train(*SHORT, f"hydra.run.dir={tmp_path}").code == 0
    left = {path.name for path in tmp_path.iterdir() if not path.name.startswith(("events.out", "hparams"))}
    assert left == {
        "best.ckpt",
        "config.yaml",
        "curves.csv",
        "per_image_test.npz",
        "predictions_test.npz",
        "record.json",
        "curves.png",
        "training_batch.png",
        *(f"test_{name}.png" for name in ("confusion", "reliability")),
        *(f"thumbnails_{split}.npz" for split in ("test", "train")),
    }
    assert (tmp_path / "record.json").read_bytes() == before
    files = json.loads(before)["files"]
    assert files == {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        for name in ("best.ckpt", "predictions_test.npz")
    }


def test_the_record_tells_of_the_best_checkpoint_what_that_says_of_itself(stopped_in_the_test):
    """A kill may leave one that the resumed run, where it rounds otherwise, does not make again."""
    path = stopped_in_the_test / "best.ckpt"
    checkpoint = read_checkpoint(path)
    assert checkpoint["monitored"].keys() == {"val/oa"}
    torch.save({**checkpoint, "epoch": 1, "monitored": {"val/oa": 0.125}}, path)
    assert go(short_config(*SHORT), stopped_in_the_test).code == 0
    best = json.loads((stopped_in_the_test / "record.json").read_text())["best"]
    assert (best["epoch"], best["value"]) == (2, 0.125)


def test_frozen_weights_that_are_not_what_they_were_end_the_run(stopped, tmp_path):
    folder = shutil.copytree(stopped, tmp_path / "run")
    checkpoint = torch.load(folder / "last.ckpt", weights_only=True)
    checkpoint["state_dict"]["network.layer1.0.weight"] += 1e-3
    torch.save(checkpoint, folder / "last.ckpt")
    with pytest.raises(RunFailed, match="frozen layer groups layer1 changed while the run was resumed"):
        go(short_config(*RUNS["gradual"]), folder)


@pytest.mark.promise("frozen after a resume")
def test_frozen_groups_keep_their_bytes_over_a_resume(stopped, tmp_path, monkeypatch):
    folder, seen = shutil.copytree(stopped, tmp_path / "run"), []
    original = Task.enter_stage

    def watched(self, number):
        original(self, number)
        seen.append({group: group_hash(self.layer_groups, group) for group in self.freezing.frozen})

    monkeypatch.setattr(Task, "enter_stage", watched)
    before = read_checkpoint(folder / "last.ckpt")["callbacks"]["FreezingAudit"]["hashes"]
    assert go(short_config(*RUNS["gradual"]), folder).code == 0
    assert list(before) == ["stem", "layer1", "layer2", "layer3"]
    assert seen[0] == before
    assert seen[1] == {}


@pytest.mark.promise("an interrupted run goes on")
def test_sigint_leaves_with_130_and_says_how_to_go_on(tmp_path):
    interrupt = lambda: signal.raise_signal(signal.SIGINT)  # noqa: E731
    with stop_at(ClassificationTask, "training_step", 2, interrupt):
        stopped = train(*SHORT, f"hydra.run.dir={tmp_path}")
    assert stopped.code == 130
    assert "SIGINT: interrupted; the same command goes on from the last checkpoint" in stopped.one_line()
    resumed = train(*SHORT, f"hydra.run.dir={tmp_path}")
    assert resumed.code == 0
    assert "goes on from last.ckpt (step 2)" in resumed.out


def test_a_second_signal_does_not_wait_for_the_end_of_validation(tmp_path):
    def twice():
        terminate()
        terminate()

    with stop_at(ClassificationTask, "validation_step", 1, twice):
        stopped = go(short_config(*SHORT), tmp_path)
    assert stopped.code == 143
    assert not (tmp_path / "last.ckpt").exists()


def test_another_configuration_does_not_take_up_a_stopped_run(tmp_path):
    with stop_at(ClassificationTask, "training_step", 2, terminate):
        train(*SHORT, f"hydra.run.dir={tmp_path}")
    other = train(*SHORT, f"hydra.run.dir={tmp_path}", "optimizer.lr=0.5")
    assert other.code == 2
    assert "optimizer.lr: 0.001 → 0.5" in other.one_line()
    assert json.loads((tmp_path / "record.json").read_text())["status"] == "interrupted"
