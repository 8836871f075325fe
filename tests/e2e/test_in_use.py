"""A run's folder in which another process works, or did until it was killed."""

from __future__ import annotations

import os
import tempfile

import pytest

import tlbench.runs.run
from tests.commands import TINY_RANDOM, snapshot, train
from tests.locks import fabricate
from tlbench.records.lock_file import LOCK_FILE
from tlbench.tasks.classification.task import ClassificationTask

pytestmark = pytest.mark.usefixtures("tiny_network")

RUN = (*TINY_RANDOM, "trainer.max_epochs=1", "hydra.run.dir=run")


@pytest.fixture
def folder(tmp_path):
    """A complete run's."""
    assert train(*RUN).code == 0
    return tmp_path / "run"


@pytest.mark.promise("the same command beside a living one")
def test_the_same_command_ends_at_once_and_says_who_is_at_work(tmp_path, monkeypatch):
    monkeypatch.setattr(tlbench.runs.run, "run", lambda *_, **__: pytest.fail("trained beside another"))
    (tmp_path / "run").mkdir()
    fabricate(tmp_path / "run")
    before = snapshot(tmp_path / "run")
    outcome = train(*RUN)
    assert outcome.code == 2
    line = outcome.one_line()
    assert line.startswith(
        f"FolderInUse: {tmp_path / 'run'}: another process is at work there (process {os.getpid()} on"
    )
    assert f"stop it (kill {os.getpid()})" in line
    assert snapshot(tmp_path / "run") == before


@pytest.mark.promise("a complete run is shown")
def test_a_complete_run_is_shown_whoever_is_at_work_and_repeated_by_nobody_else(folder, monkeypatch):
    monkeypatch.setattr(tlbench.runs.run, "run", lambda *_, **__: pytest.fail("trained beside another"))
    fabricate(folder)
    before = snapshot(folder)
    shown = train(*RUN)
    assert (shown.code, shown.err) == (0, "")
    assert "complete since" in shown.out
    repeated = train(*RUN, "rerun=true")
    assert (repeated.code, "FolderInUse" in repeated.one_line()) == (2, True)
    assert snapshot(folder) == before


@pytest.mark.promise("left beside a complete run")
def test_what_a_killed_process_left_beside_a_complete_run_is_tidied(folder):
    before = snapshot(folder)
    fabricate(folder, started=1)
    (folder / ".best.ckpt.abcdefgh.tmp").write_bytes(b"half")
    assert train(*RUN).code == 0
    assert snapshot(folder) == before


def test_a_complete_run_on_a_disk_that_takes_no_lock_is_shown(folder, monkeypatch):
    fabricate(folder, started=1)
    before = snapshot(folder)

    def refuse(*_, dir, **__):
        raise OSError(30, os.strerror(30), str(dir))

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    assert train(*RUN).code == 0
    assert snapshot(folder) == before
    assert "the disk is read-only" in train(*RUN, "rerun=true").one_line()


@pytest.mark.promise("taken for dead")
@pytest.mark.parametrize("when", ["training_step", "test_step"])
def test_a_run_that_was_taken_for_dead_ends_with_one_line_and_leaves_the_folder_to_the_other(
    tmp_path, monkeypatch, when
):
    step = getattr(ClassificationTask, when)
    theirs = []

    def taken(self, *arguments):
        if not theirs:
            theirs.append(fabricate(tmp_path / "run").read_bytes())
            (tmp_path / "run" / "record.json").write_text("theirs")
        return step(self, *arguments)

    monkeypatch.setattr(ClassificationTask, when, taken)
    outcome = train(*RUN)
    assert outcome.code == 2
    assert "another process took this one for dead and its place (process" in outcome.one_line()
    assert (tmp_path / "run" / "record.json").read_text() == "theirs"
    assert (tmp_path / "run" / LOCK_FILE).read_bytes() == theirs[0]
    assert (tmp_path / "run" / "last.ckpt").exists() == (when == "test_step")
