from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from tests.records import record
from tlbench.errors import OutputError
from tlbench.records.evaluation_note import note_evaluation
from tlbench.records.record import FILE_NAME, EvaluationNote, read_record, write_record


def note(**metrics: float | None) -> EvaluationNote:
    return EvaluationNote(data="digits", split="test", checkpoint_sha256="0" * 64, metrics=metrics)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    values = {"test/oa": 0.1 + 0.2, "test/kappa": None, "test/ece": 1e-17, "test/loss": 1 / 3}
    write_record(tmp_path, record(metrics=values, warnings=["naïve – ½"], curves=[{"epoch": 1, "val/oa": 1e22}]))
    return tmp_path


def test_the_numbers_are_read_with_the_record(folder: Path) -> None:
    assert note_evaluation(folder, "evaluation_common.json", note(oa=0.25, nothing=None))
    noted = read_record(folder)
    assert noted is not None
    assert noted.evaluations == {"evaluation_common.json": note(oa=0.25, nothing=None)}


def test_everything_else_stays_byte_for_byte(folder: Path) -> None:
    before = (folder / FILE_NAME).read_text()
    note_evaluation(folder, "evaluation.json", note(oa=0.25))
    after = (folder / FILE_NAME).read_text()
    begin, end = ' "evaluations": {', ' "error": null,'
    assert after.count(begin) == before.count(begin) == 1
    assert before.split(begin)[0] == after.split(begin)[0]
    assert before.split(end)[1] == after.split(end)[1]
    assert json.loads(before) == {**json.loads(after), "evaluations": {}}


def test_a_second_one_is_added_and_one_of_the_same_name_replaced(folder: Path) -> None:
    for name, value in (("a.json", 0.1), ("b.json", 0.2), ("a.json", 0.3)):
        assert note_evaluation(folder, name, note(oa=value))
    noted = read_record(folder)
    assert noted is not None
    assert {name: found.metrics["oa"] for name, found in noted.evaluations.items()} == {"a.json": 0.3, "b.json": 0.2}


def test_a_record_of_before_there_were_evaluations_takes_them(folder: Path) -> None:
    old = json.loads((folder / FILE_NAME).read_bytes())
    del old["evaluations"]
    (folder / FILE_NAME).write_text(json.dumps(old, indent=1, ensure_ascii=False) + "\n")
    assert note_evaluation(folder, "a.json", note(oa=1.0))
    noted = read_record(folder)
    assert noted is not None
    assert set(noted.evaluations) == {"a.json"}


@pytest.mark.parametrize("change", ["edited", "damaged", "failed"])
def test_a_record_that_is_not_as_written_is_left_alone(folder: Path, change: str) -> None:
    path = folder / FILE_NAME
    if change == "edited":
        path.write_text(json.dumps(json.loads(path.read_bytes()), indent=2))
    elif change == "damaged":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        write_record(folder, record(status="failed"))
    before = path.read_bytes()
    assert not note_evaluation(folder, "a.json", note(oa=1.0))
    assert path.read_bytes() == before


def test_two_at_once_lose_nothing(folder: Path) -> None:
    threads = [threading.Thread(target=note_evaluation, args=(folder, f"{k}.json", note(oa=k / 8))) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    noted = read_record(folder)
    assert noted is not None
    assert set(noted.evaluations) == {f"{k}.json" for k in range(8)}


def test_a_refusing_disk_is_said_and_the_record_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / FILE_NAME).read_bytes()

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="the disk is full"):
        note_evaluation(folder, "a.json", note(oa=1.0))
    assert (folder / FILE_NAME).read_bytes() == before


@pytest.mark.promise("weights that were replaced")
def test_numbers_of_weights_that_are_the_runs_no_more_are_not_taken(folder: Path) -> None:
    repeated = read_record(folder)
    assert repeated is not None
    write_record(folder, repeated.model_copy(update={"files": {"best.ckpt": "1" * 64}}))
    before = (folder / FILE_NAME).read_bytes()
    with pytest.raises(OutputError, match="the run was repeated while it was evaluated, with other weights"):
        note_evaluation(folder, "evaluation.json", note(oa=0.25))
    assert (folder / FILE_NAME).read_bytes() == before


@pytest.mark.promise("versions of corruptions")
def test_metrics_on_corrupted_images_say_of_which_version_they_are_and_older_ones_are_of_the_first(
    folder: Path,
) -> None:
    corrupted = {"test/mean_corrupted_oa": 0.5}
    for name, version in (("old.json", None), ("new.json", 2)):
        written = note(**corrupted).model_copy(update={"corruptions": version})
        assert note_evaluation(folder, name, written)
    assert note_evaluation(folder, "plain.json", note(**{"test/oa": 0.9}))
    stored = json.loads((folder / FILE_NAME).read_bytes())["evaluations"]
    assert "corruptions" not in stored["old.json"]  # as version 1 wrote it
    assert "corruptions" not in stored["plain.json"]
    noted = read_record(folder)
    assert noted is not None
    assert {name: found.corruptions for name, found in noted.evaluations.items()} == {
        "old.json": 1,
        "new.json": 2,
        "plain.json": None,
    }
