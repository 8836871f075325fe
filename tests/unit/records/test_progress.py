"""`progress.json` is believed only of the process that holds the lock."""

from __future__ import annotations

import pytest

from tests.locks import fabricate
from tlbench.records import folder as run_folder
from tlbench.records.progress import PROGRESS_FILE, Progress, read_progress, write_progress

TOLD = Progress(phase="fit", epoch=1, of=4, seconds=2.0, left_s=6.0, monitor="val/oa", value=0.5, token="theirs")


@pytest.mark.promise("a study shows its runs")
def test_what_a_killed_run_left_is_not_its_successors(tmp_path):
    write_progress(tmp_path, TOLD)
    assert read_progress(tmp_path) is None  # nobody holds the lock
    fabricate(tmp_path, token="another")
    assert read_progress(tmp_path) is None
    fabricate(tmp_path)
    assert read_progress(tmp_path) == TOLD


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"phase": "sleep"}', b" " * 5000])
def test_a_damaged_one_tells_nothing(tmp_path, content):
    fabricate(tmp_path)
    (tmp_path / PROGRESS_FILE).write_bytes(content)
    assert read_progress(tmp_path) is None


def test_a_disk_that_refuses_and_a_folder_that_is_gone_are_left_to_the_next_checkpoint(tmp_path):
    (tmp_path / PROGRESS_FILE / "in the way").mkdir(parents=True)
    write_progress(tmp_path, TOLD)
    assert [path.name for path in tmp_path.iterdir()] == [PROGRESS_FILE]
    write_progress(tmp_path / "gone", TOLD)
    assert not (tmp_path / "gone").exists()


def test_a_run_that_begins_or_is_complete_has_none(tmp_path):
    for act in (lambda: run_folder.begin(tmp_path, {"a": 1}), lambda: run_folder.tidy(tmp_path)):
        write_progress(tmp_path, TOLD)
        assert (tmp_path / PROGRESS_FILE).exists()
        act()
        assert not (tmp_path / PROGRESS_FILE).exists()
