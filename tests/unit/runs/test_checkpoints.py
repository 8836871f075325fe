from __future__ import annotations

import os

import pytest
import torch

from tests.voices import hearing
from tlbench.data.target_module import TargetModule
from tlbench.errors import OutputError
from tlbench.runs.checkpoints import (
    AtomicCheckpointIO,
    Resumable,
    UnusableCheckpointError,
    find_resumable,
    load_whole,
    read_checkpoint,
)
from tlbench.system.voice import SILENT

OTHER = "f" * 64
OWN = {"config_hash": "0" * 64, "code": None}
CONTENT = {
    **OWN,
    "epoch": 1,
    "global_step": 3,
    "loops": {},
    "callbacks": {},
    "optimizer_states": [],
    "lr_schedulers": [],
    "state_dict": {"weight": torch.arange(500.0)},
    "text": "some",
}
CHOSE = {"callbacks": {"best": {"best_model_path": "somewhere/best.ckpt"}}}


def save(path, step=3, **changed):
    AtomicCheckpointIO().save_checkpoint({**CONTENT, "global_step": step, **changed}, path)


def damage(path):
    with pytest.raises(UnusableCheckpointError) as caught:
        load_whole(path)
    return str(caught.value)


def test_the_last_checkpoint_but_one_is_kept_and_only_of_last(tmp_path):
    for step in (1, 2, 3):
        save(tmp_path / "last.ckpt", step)
        save(tmp_path / "best.ckpt", 10 * step)
    steps = {path.name: read_checkpoint(path)["global_step"] for path in tmp_path.iterdir()}
    assert steps == {"last.ckpt": 3, "previous.ckpt": 2, "best.ckpt": 30}


def test_nothing_is_written_outside_of_the_folder(tmp_path, monkeypatch):
    """The system's temporary folder often lies on another disk, from where a file cannot be renamed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not there"))
    save(tmp_path / "last.ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


@pytest.mark.promise("a damaged last checkpoint")
def test_no_flipped_byte_changes_what_is_read_unnoticed(tmp_path):
    path = tmp_path / "last.ckpt"
    save(path)
    whole = path.read_bytes()
    found = 0
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        try:
            read = load_whole(path)  # padding and the like
        except UnusableCheckpointError:
            found += 1
            continue
        assert torch.equal(read["state_dict"]["weight"], CONTENT["state_dict"]["weight"]), position
        assert (read["global_step"], read["text"]) == (3, "some"), position
    assert found > 500 * 4 / 7  # all of the weights' bytes, at least


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncation_is_found(tmp_path, share):
    path = tmp_path / "last.ckpt"
    save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert damage(path).startswith("damaged: ")
    with pytest.raises(
        OutputError, match=r"last\.ckpt: cannot be used \(damaged: .*; put the run's own checkpoint back"
    ):
        read_checkpoint(path)


def test_a_file_that_could_run_code_is_damaged(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("ran",))

    torch.save({"global_step": Evil()}, tmp_path / "last.ckpt")
    assert "UnpicklingError" in damage(tmp_path / "last.ckpt")


NO_CHECKPOINTS = {
    "a list": ([1], "it holds a list"),
    "a number": (5, "it holds a int"),
    "weights alone": ({"state_dict": {}}, "it has no epoch, global_step, loops, callbacks, optimizer_states, lr_sch"),
    "other keys": ({"x": 1}, "it has no state_dict, epoch"),
    "a list for weights": ({**CONTENT, "state_dict": [1, 2]}, "its state_dict holds more than tensors"),
    "numbers for names": ({**CONTENT, "state_dict": {1: torch.zeros(1)}}, "its state_dict holds more than tensors"),
    "text for a tensor": ({**CONTENT, "state_dict": {"network.a": "b"}}, "its state_dict holds more than tensors"),
}


@pytest.mark.promise("torch files that are no checkpoint")
@pytest.mark.parametrize("kind", NO_CHECKPOINTS)
def test_a_file_of_torch_that_is_no_checkpoint_gives_way_to_the_one_before(tmp_path, kind):
    content, reason = NO_CHECKPOINTS[kind]
    said = []
    save(tmp_path / "previous.ckpt", 7)
    torch.save(content, tmp_path / "last.ckpt")
    assert find_resumable(tmp_path, OWN, hearing(said)) == Resumable(tmp_path / "previous.ckpt", 7)
    assert len(said) == 1
    assert f"last.ckpt cannot be used (no checkpoint of tlbench: {reason}" in said[0]
    assert (tmp_path / "last.ckpt.damaged").exists()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["folder", "fifo", "device", "loop", "dangling"])
def test_what_is_no_file_gives_way_to_the_one_before(tmp_path, kind):
    path = tmp_path / "last.ckpt"
    {
        "folder": path.mkdir,
        "fifo": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "loop": lambda: path.symlink_to(path.name),
        "dangling": lambda: path.symlink_to("nowhere"),
    }[kind]()
    save(tmp_path / "previous.ckpt", 7)
    assert find_resumable(tmp_path, OWN, SILENT) == Resumable(tmp_path / "previous.ckpt", 7)


def test_the_newest_whole_checkpoint_is_found(tmp_path):
    said = []
    assert find_resumable(tmp_path, OWN, hearing(said)) is None
    save(tmp_path / "previous.ckpt")
    # between two renames
    assert find_resumable(tmp_path, OWN, hearing(said)) == Resumable(tmp_path / "previous.ckpt", 3)
    save(tmp_path / "last.ckpt", 4)
    assert find_resumable(tmp_path, OWN, hearing(said)) == Resumable(tmp_path / "last.ckpt", 4)
    assert said == []


def test_a_damaged_checkpoint_is_named_and_moved_away(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = []
    save(tmp_path / "last.ckpt", 1)
    save(tmp_path / "last.ckpt", 2)
    (tmp_path / "last.ckpt").write_bytes(b"garbage")
    assert find_resumable(tmp_path, OWN, hearing(said)) == Resumable(tmp_path / "previous.ckpt", 1)
    assert [line.split(" (")[0] for line in said] == ["last.ckpt cannot be used"]
    assert said[0].endswith("; the run takes the checkpoint before it")
    assert (tmp_path / "last.ckpt.damaged").read_bytes() == b"garbage"
    (tmp_path / "previous.ckpt").write_bytes(b"")
    assert find_resumable(tmp_path, OWN, hearing(said)) is None
    assert said[1].startswith("previous.ckpt cannot be used (damaged: ")
    assert said[1].endswith("; the run begins anew")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.ckpt.damaged", "previous.ckpt.damaged"]


def test_nothing_is_promised_where_there_is_no_checkpoint_before(tmp_path):
    said = []
    (tmp_path / "last.ckpt").write_bytes(b"")
    assert find_resumable(tmp_path, OWN, hearing(said)) is None
    assert len(said) == 1
    assert said[0].endswith("; the run begins anew")


@pytest.mark.parametrize("whose", [OTHER, None, 3])
def test_another_runs_checkpoint_is_named_and_moved_away(tmp_path, whose):
    said = []
    save(tmp_path / "previous.ckpt", 1)
    save(tmp_path / "last.ckpt", 9, config_hash=whose)
    foreign = (tmp_path / "last.ckpt").read_bytes()
    assert find_resumable(tmp_path, OWN, hearing(said)) == Resumable(tmp_path / "previous.ckpt", 1)
    assert ("another run's: of the configuration ffffffffffff…" if whose == OTHER else "it does not say") in said[0]
    assert (tmp_path / "last.ckpt.of_another_run").read_bytes() == foreign
    with pytest.raises(OutputError, match="cannot be used"):
        read_checkpoint(tmp_path / "last.ckpt.of_another_run", OWN)


@pytest.mark.parametrize("best", ["of another run", "damaged", "gone"])
def test_a_run_does_not_go_on_beside_a_best_checkpoint_that_is_not_its_own(tmp_path, best):
    said = []
    save(tmp_path / "best.ckpt", config_hash=OTHER)
    if best == "damaged":
        (tmp_path / "best.ckpt").write_bytes(b"")
    if best == "gone":
        (tmp_path / "best.ckpt").unlink()
    for _ in range(2):
        save(tmp_path / "last.ckpt", **CHOSE)
    assert find_resumable(tmp_path, OWN, hearing(said)) is None
    assert "best.ckpt cannot be used" in said[0]
    assert said[0].endswith("; the run begins anew")
    assert not {"best.ckpt", "last.ckpt", "previous.ckpt"} & {path.name for path in tmp_path.iterdir()}
    save(tmp_path / "best.ckpt")
    save(tmp_path / "last.ckpt", **CHOSE)
    assert find_resumable(tmp_path, OWN, hearing(said)) == Resumable(tmp_path / "last.ckpt", 3)


@pytest.mark.promise("bytes of best.ckpt")
def test_the_bytes_of_the_best_checkpoint_are_a_function_of_what_is_in_it(tmp_path):
    """A resumed run has the same values as other objects: texts of its own, tensors that are parts of others."""
    key, same = "monitored", "monitor" + "ed"[:2]
    weights = torch.arange(6.0).view(2, 3)
    part = torch.arange(12.0).view(4, 3)[:2]
    one = {"state_dict": {"weight": weights, "also": weights}, key: {key: 0.5}, "loops": {"seen": 1}}
    two = {"state_dict": {"weight": part, "also": weights.clone()}, "".join(list(key)): {same: 0.5}, "loops": {}}
    for name, content in (("a", one), ("b", two)):
        (tmp_path / name).mkdir()
        AtomicCheckpointIO().save_checkpoint(content, tmp_path / name / "best.ckpt")
    assert (tmp_path / "a" / "best.ckpt").read_bytes() == (tmp_path / "b" / "best.ckpt").read_bytes()
    assert torch.equal(read_checkpoint(tmp_path / "a" / "best.ckpt")["state_dict"]["weight"], weights)


@pytest.mark.promise("code that has changed")
def test_a_run_does_not_go_on_with_code_that_has_changed(tmp_path):
    said = []
    save(tmp_path / "last.ckpt", code="before")
    assert find_resumable(tmp_path, {**OWN, "code": "after"}, hearing(said)) is None
    assert "the code that it names is not that with which it was trained" in said[0]
    assert (tmp_path / "last.ckpt.of_another_run").exists()


@pytest.mark.parametrize("name", ["ImageDataModule", "DetectionDataModule", "TargetModule"])
def test_what_was_kept_of_the_data_goes_on_under_todays_name(tmp_path, name):
    kept = {"fingerprints": {"train": "0" * 64}}
    torch.save({**CONTENT, name: kept}, tmp_path / "last.ckpt")
    loaded = AtomicCheckpointIO().load_checkpoint(tmp_path / "last.ckpt")
    assert loaded[TargetModule.__qualname__] == kept
    assert loaded.keys() == {*CONTENT, "TargetModule"}
