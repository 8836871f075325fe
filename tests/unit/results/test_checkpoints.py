from __future__ import annotations

import pytest
import torch

from tlbench.errors import OutputError
from tlbench.results.checkpoints import AtomicCheckpointIO, find_damage, find_resumable, read_checkpoint

CONTENT = {"global_step": 3, "state_dict": {"weight": torch.arange(500.0)}, "text": "some"}


def save(path, step=3):
    AtomicCheckpointIO().save_checkpoint({**CONTENT, "global_step": step}, path)


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


def test_no_flipped_byte_changes_what_is_read_unnoticed(tmp_path):
    path = tmp_path / "last.ckpt"
    save(path)
    whole = path.read_bytes()
    found = 0
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        if find_damage(path) is None:  # padding and the like
            read = torch.load(path, weights_only=True)
            assert torch.equal(read["state_dict"]["weight"], CONTENT["state_dict"]["weight"]), position
            assert (read["global_step"], read["text"]) == (3, "some"), position
        else:
            found += 1
    assert found > 500 * 4 / 7  # all of the weights' bytes, at least


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncation_is_found(tmp_path, share):
    path = tmp_path / "last.ckpt"
    save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert find_damage(path) is not None
    with pytest.raises(OutputError, match=r"last\.ckpt: damaged .*; move the run's folder away and run again"):
        read_checkpoint(path)


def test_a_file_that_could_run_code_is_damaged(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("ran",))

    torch.save({"global_step": Evil()}, tmp_path / "last.ckpt")
    assert "UnpicklingError" in find_damage(tmp_path / "last.ckpt")


def test_the_newest_whole_checkpoint_is_found(tmp_path):
    said = []
    assert find_resumable(tmp_path, said.append) is None
    save(tmp_path / "previous.ckpt")
    assert find_resumable(tmp_path, said.append) == tmp_path / "previous.ckpt"  # killed between two renames
    save(tmp_path / "last.ckpt")
    assert find_resumable(tmp_path, said.append) == tmp_path / "last.ckpt"
    assert said == []


def test_a_damaged_checkpoint_is_named_and_moved_away(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = []
    save(tmp_path / "last.ckpt")
    save(tmp_path / "last.ckpt")
    (tmp_path / "last.ckpt").write_bytes(b"garbage")
    assert find_resumable(tmp_path, said.append) == tmp_path / "previous.ckpt"
    assert [line.split(" (")[0] for line in said] == ["last.ckpt is damaged"]
    assert said[0].endswith("; the run takes the checkpoint before it")
    assert (tmp_path / "last.ckpt.damaged").read_bytes() == b"garbage"
    (tmp_path / "previous.ckpt").write_bytes(b"")
    assert find_resumable(tmp_path, said.append) is None
    assert said[1].startswith("previous.ckpt is damaged (")
    assert said[1].endswith("; the run begins anew")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.ckpt.damaged", "previous.ckpt.damaged"]


def test_nothing_is_promised_where_there_is_no_checkpoint_before(tmp_path):
    said = []
    (tmp_path / "last.ckpt").write_bytes(b"")
    assert find_resumable(tmp_path, said.append) is None
    assert len(said) == 1
    assert said[0].endswith("; the run begins anew")
