"""What a study's command shows of its runs, with a clock that the test moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.locks import fabricate
from tests.study_records import make_record
from tlbench import console
from tlbench.records.progress import Progress, remove_progress, write_progress
from tlbench.records.record import write_record
from tlbench.study import watch as module
from tlbench.study.chain import Job
from tlbench.study.watch import Watch


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    monkeypatch.setattr(module, "monotonic", found)
    return found


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was drawn on a terminal, at 80 columns."""
    found: list[list[str]] = []
    monkeypatch.setattr(console, "is_terminal", lambda: True)
    monkeypatch.setattr(module.Board, "show", lambda _board, lines: found.append([line.text(80) for line in lines]))
    return found


def jobs(*names: str, complete: tuple[str, ...] = ()) -> list[Job]:
    return [Job(name, [], Path("study", *name.split("/")), complete=name in complete) for name in names]


def tell(job: Job, **changed: Any) -> None:
    job.folder.mkdir(parents=True, exist_ok=True)
    fabricate(job.folder)
    of = {"phase": "fit", "epoch": 1, "of": 4, "seconds": 2.0, "monitor": "val/oa", "value": 0.5, "token": "theirs"}
    write_progress(job.folder, Progress.model_validate({**of, **changed}))


@pytest.mark.promise("a study shows its runs")
def test_a_line_for_the_study_and_one_for_each_run_at_work(time, drawn):
    a, b, c, _ = each = jobs("x/0", "x/1", "y/0", "y/1")
    watch = Watch("study", each, 2)
    watch.began(a)
    watch.began(b)
    watch.look()
    assert drawn == [["study  0 of 4 runs complete", "x/0  starts", "x/1  starts"]]
    time.now = 10.0
    tell(a, left_s=30.0)
    watch.look()
    assert drawn[-1][1:] == ["x/0  epoch 1/4  val/oa 0.500  30 s left", "x/1  starts"]
    time.now = 20.0
    tell(b, left_s=30.0, phase="validate", value=None)
    watch.look()
    # x/0 has told nothing for 10 s; 40 s and 50 s in all; y takes their mean, after x/0 and x/1: 20 + 45, 30 + 45
    assert drawn[-1] == [
        "study  0 of 4 runs complete, about 75 s left",
        "x/0  epoch 1/4  val/oa 0.500  20 s left",
        "x/1  epoch 1/4, validation  30 s left",
    ]
    time.now = 40.0
    assert watch.ended(a, 0) == "; 1 of 4 runs complete, about 50 s left"  # 40 s: 10 + 40 beside 0 + 40
    watch.began(c)
    time.now = 50.0
    assert watch.ended(b, 1) == "; 1 of 4 runs complete, 1 failed, about 40 s left"


def test_it_is_drawn_twice_a_second_and_only_on_a_terminal_of_several(time, drawn, monkeypatch, capsys):
    (a,) = each = jobs("x/0")
    several, alone = Watch("study", each, 2), Watch("study", each, 1)
    several.began(a)
    alone.began(a)
    for tenth in range(21):
        time.now = tenth / 10
        several.look()
        alone.look()
    assert len(drawn) == 5
    monkeypatch.setattr(console, "is_terminal", lambda: False)
    several, alone = Watch("study", each, 2), Watch("study", each, 1)
    several.began(a)
    alone.began(a)
    tell(a, left_s=900.0)
    start = time.now
    for second in range(0, 700, 5):
        time.now = start + second
        several.look()
        alone.look()
    assert len(drawn) == 5
    assert capsys.readouterr().out.splitlines() == [
        "study  0 of 1 runs complete, about 15 min left",
        "x/0  epoch 1/4  val/oa 0.500  15 min left",
        "study  0 of 1 runs complete, about 10 min left",
        "x/0  epoch 1/4  val/oa 0.500  10 min left",
    ]


def test_complete_runs_of_before_take_no_time_and_tell_how_long_others_take(time, drawn):
    a, b, c, _ = each = jobs("x/0", "x/1", "y/0", "y/1", complete=("x/0", "y/0"))
    for job, took, resumes in ((a, 100.0, 0), (c, 7.0, 1)):
        job.folder.mkdir(parents=True)
        write_record(job.folder, make_record(volatile__total_s=took, volatile__resumes=resumes))
    watch = Watch("study", each, 1)
    watch.began(a)
    assert watch.ended(a, 0, was_complete=True) == ""
    watch.began(b)
    time.now = 60.0
    # of the resumed one it is not known how long it took, so that of the other arm counts
    assert watch.ended(b, 0) == "; 2 of 4 runs complete, about 80 s left"


def test_a_run_that_was_resumed_here_tells_not_how_long_a_whole_one_takes(time, drawn):
    a, _ = each = jobs("x/0", "x/1")
    watch = Watch("study", each, 1)
    watch.began(a)
    a.folder.mkdir(parents=True)
    write_record(a.folder, make_record(volatile__resumes=1))
    time.now = 5.0
    assert watch.ended(a, 0) == "; 1 of 2 runs complete"


def test_one_that_is_put_back_waits_and_what_is_not_known_beforehand_is_counted(time, drawn):
    a, b = each = jobs("x/0", "x/1")
    watch = Watch("study", each, 1)
    watch.began(a)
    watch.put_back(a)
    watch.began(b)
    time.now = 30.0
    assert watch.ended(b, 0) == "; 1 of 2 runs complete, about 30 s left"
    trials = Watch("tuning", [], 1, 3, "trials")
    trials.began(a)
    time.now = 40.0
    assert trials.ended(a, 0) == "; 1 of 3 trials complete, about 20 s left"
    trials.began(b)
    trials.ended(b, 0)
    trials.began(a)
    assert trials.ended(a, 0) == ""


def test_a_study_that_stops_says_so(time, drawn):
    a, b = each = jobs("x/0", "x/1")
    watch = Watch("study", each, 2)
    watch.began(a)
    watch.began(b)
    watch.stop()
    watch.look()
    assert drawn == [["study  stops; waits for 2 to save", "x/0  starts", "x/1  starts"]]
    assert watch.ended(a, 143) == ""
    time.now = 1.0
    watch.look()
    assert drawn[-1] == ["study  stops; waits for 1 to save", "x/1  starts"]


def test_a_run_that_has_taken_its_file_away_ends(time, drawn):
    (a,) = each = jobs("x/0")
    watch = Watch("study", each, 2)
    watch.began(a)
    tell(a, left_s=30.0)
    watch.look()
    remove_progress(a.folder)
    time.now = 1.0
    watch.look()
    assert drawn[-1] == ["study  0 of 1 runs complete", "x/0  ends"]
