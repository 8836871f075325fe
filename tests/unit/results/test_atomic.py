from __future__ import annotations

import errno
import os

import pytest

from tlbench.errors import OutputError
from tlbench.results.atomic import output_errors, remove_leftovers, write_atomic


def test_a_full_disk_leaves_the_earlier_file_whole_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    write_atomic(path, b"old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"the disk is full; free space .* hydra\.run\.dir") as caught:
        write_atomic(path, b"new")
    assert str(tmp_path) in str(caught.value)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]


def test_a_file_in_the_way_of_the_folder(tmp_path):
    (tmp_path / "outputs").write_text("a file")
    with pytest.raises(OutputError, match="file"):
        write_atomic(tmp_path / "outputs" / "run" / "record.json", b"x")


def test_errors_that_are_not_the_disks_pass_through(tmp_path):
    with pytest.raises(OSError, match="odd") as caught, output_errors(tmp_path):
        raise OSError(errno.EPIPE, "odd")
    assert not isinstance(caught.value, OutputError)


def test_the_file_before_is_kept_under_another_name(tmp_path):
    path, before = tmp_path / "last.ckpt", tmp_path / "previous.ckpt"
    for content in (b"1", b"2", b"3"):
        write_atomic(path, content, keep_as=before)
    assert (path.read_bytes(), before.read_bytes()) == (b"3", b"2")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_moves_nothing(tmp_path, monkeypatch):
    path, before = tmp_path / "last.ckpt", tmp_path / "previous.ckpt"
    write_atomic(path, b"1", keep_as=before)
    write_atomic(path, b"2", keep_as=before)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OutputError):
        write_atomic(path, b"3", keep_as=before)
    assert (path.read_bytes(), before.read_bytes()) == (b"2", b"1")


def test_leftovers_of_this_file_alone_are_removed(tmp_path):
    for name in (".last.ckpt.abc", ".best.ckpt.abc", "last.ckpt", "previous.ckpt"):
        (tmp_path / name).write_bytes(b"x")
    remove_leftovers(tmp_path / "last.ckpt")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".best.ckpt.abc", "last.ckpt", "previous.ckpt"]
