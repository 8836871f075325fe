from __future__ import annotations

import errno
import os

import pytest

from tlbench.errors import OutputError
from tlbench.results.atomic import output_errors, write_atomic


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
