"""What a study has done, by what lies in its folder."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.locks import fabricate
from tlbench import console
from tlbench.cli import status as command
from tlbench.records.progress import Progress, write_progress
from tlbench.records.record import write_record
from tlbench.study.preregistration import REGISTRATION_FILE, Registered, RegisteredArm
from tlbench.study.status import lines, live_lines, study_status


@pytest.fixture
def study(record, failed, tmp_path: Path) -> Path:
    """Six registered runs: two complete, one failed, one at work, one killed, one not begun."""
    folder = tmp_path / "outputs" / "mine"
    arms = {arm: RegisteredArm(seeds=[0, 1, 2], config_hash="x") for arm in ("tin200", "random")}
    plan = {"registered": "", "study": "mine", "factors": ["source"], "primary": "test/oa", "margin": None}
    folder.mkdir(parents=True)
    (folder / REGISTRATION_FILE).write_text(Registered(**plan, confidence=0.95, arms=arms).model_dump_json())
    trainer = {"config__trainer": {"max_epochs": 4}}
    for made in (
        record("tin200", 0, volatile__total_s=100.0, **trainer),
        record("random", 0, volatile__total_s=60.0, **trainer),
        failed("random", 1, "boom"),
    ):
        place(folder, made.arm, made.seed)
        write_record(folder / made.arm / f"seed_{made.seed}", made)
    at_work = place(folder, "tin200", 1)
    fabricate(at_work)
    for run, epochs in ((at_work, 1), (place(folder, "random", 2), 2)):
        (run / "config.yaml").write_text("trainer: {max_epochs: 4}\n")
        (run / "curves.csv").write_text("epoch,step\n" + "".join(f"{e},{9 * e}\n" for e in range(1, epochs + 1)))
    return folder


def place(folder: Path, arm: str, seed: int) -> Path:
    found = folder / arm / f"seed_{seed}"
    found.mkdir(parents=True)
    return found


@pytest.mark.promise("a study's status")
def test_what_is_done_runs_failed_and_waits(study):
    status = study_status(study)
    states = {(run.arm, run.seed): run.state for run in status.runs}
    assert states == {
        ("tin200", 0): "complete",
        ("tin200", 1): "running",
        ("tin200", 2): "waiting",
        ("random", 0): "complete",
        ("random", 1): "failed",
        ("random", 2): "begun",
    }
    assert not status.done
    # Three quarters of tin200's 100 s, a whole one, and half of random's 60 s, one at a time.
    assert status.remaining_s == pytest.approx(75 + 100 + 30)
    assert list(lines(status)) == [
        "mine: 2 of 6 runs complete, 1 running, 1 failed, 1 begun, 1 waiting; about 3 min left",
        "  running      tin200/seed_1: 1 of 4 epochs",
        "  failed       random/seed_1: RuntimeError: boom",
        "  begun        random/seed_2: 2 of 4 epochs",
        "  waiting      tin200: seed 2",
    ]


def test_without_a_complete_run_nothing_is_guessed(study):
    for done in study.glob("*/seed_0/record.json"):
        content = json.loads(done.read_text())
        done.write_text(json.dumps({**content, "status": "interrupted"}))
    assert study_status(study).remaining_s is None
    assert "left" not in next(lines(study_status(study)))


def test_trials_and_repeated_runs_are_none_of_it_and_one_beside_the_plan_is(study, record):
    for name in ("tuning/seed_5", "previous_tin200/seed_5", ".x/seed_5", "tin200/seed_old", "tin200/seed_²"):
        (study / name).mkdir(parents=True)
    assert len(study_status(study).runs) == 6
    write_record(place(study, "tin200", 7), record("tin200", 7))
    assert [run.seed for run in study_status(study).runs if run.arm == "tin200"] == [0, 1, 2, 7]


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"epoch\n\0", b"[1"])
def test_files_that_are_damaged_are_no_error(study, damage):
    for name in ("config.yaml", "curves.csv"):
        (study / "tin200" / "seed_1" / name).write_bytes(damage)
    (study / "random" / "seed_2" / "record.json").write_bytes(damage)
    states = {(run.arm, run.seed): run.state for run in study_status(study).runs}
    assert (states["tin200", 1], states["random", 2]) == ("running", "begun")


@pytest.mark.promise("a study's status")
def test_watching_says_it_again_when_it_changes_and_ends_when_nothing_runs_or_waits(study, record, capsys, monkeypatch):
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            write_record(study / "tin200" / "seed_1", record("tin200", 1))
        if len(naps) == 3:
            write_record(place(study, "tin200", 2), record("tin200", 2))

    monkeypatch.setattr(command.time, "sleep", nap)
    assert command.main([f"study={study}", "--watch"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith("mine:")] == [
        "mine: 2 of 6 runs complete, 1 running, 1 failed, 1 begun, 1 waiting; about 3 min left",
        "mine: 3 of 6 runs complete, 1 failed, 1 begun, 1 waiting; about 86 s left",
        "mine: 4 of 6 runs complete, 1 failed, 1 begun; about 30 s left",
    ]
    assert len(naps) == 3


@pytest.mark.promise("a study shows its runs", "a study's status")
def test_what_running_ones_tell_counts_before_what_others_took(study):
    told = {"phase": "fit", "epoch": 2, "of": 4, "seconds": 9.0, "left_s": 40.0, "monitor": "val/oa", "value": 0.5}
    write_progress(study / "tin200" / "seed_1", Progress(**told, token="theirs"))
    write_progress(study / "random" / "seed_2", Progress(**told, token="theirs"))  # of a killed one
    status = study_status(study)
    assert status.remaining_s == pytest.approx(40 + 100 + 30)
    assert list(lines(status))[1] == "  running      tin200/seed_1: epoch 2/4  val/oa 0.500  40 s left"
    assert [line.text() for line in live_lines(status)] == [
        "mine  2 of 6 runs complete, 1 failed, about 3 min left",
        "tin200/seed_1  epoch 2/4  val/oa 0.500  40 s left",
    ]


@pytest.mark.promise("a study shows its runs")
@pytest.mark.parametrize("ending", ["done", "interrupt"])
def test_watching_on_a_terminal_redraws_and_gives_the_cursor_back(study, record, monkeypatch, ending):
    screen, naps = io.StringIO(), []
    shown = Console(file=screen, force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr(console, "console", shown)
    monkeypatch.setattr(command, "is_terminal", lambda: True)

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if ending == "interrupt":
            raise KeyboardInterrupt
        for seed in (1, 2):
            (study / "tin200" / f"seed_{seed}").mkdir(exist_ok=True)
            write_record(study / "tin200" / f"seed_{seed}", record("tin200", seed))

    monkeypatch.setattr(command.time, "sleep", nap)
    assert command.main([f"study={study}", "--watch"]) == (0 if ending == "done" else 130)
    assert len(naps) == 1
    text = screen.getvalue()
    assert "mine  2 of 6 runs complete, 1 failed, about 3 min left" in text
    assert (text.count("\x1b[?25l"), text.count("\x1b[?25h")) == (1, 1)
    last = text[text.index("\x1b[?25h") :]
    assert ("mine: 4 of 6 runs complete, 1 failed, 1 begun; about 30 s left" in last) is (ending == "done")


def test_where_nothing_can_be_redrawn_watching_says_seldom_what_only_moves_on(study, capsys, monkeypatch):
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        told = {"phase": "fit", "epoch": 2, "of": 4, "seconds": 1.0, "left_s": float(900 - sum(naps))}
        write_progress(study / "tin200" / "seed_1", Progress.model_validate({**told, "token": "theirs"}))
        if sum(naps) >= 700:
            raise KeyboardInterrupt

    monkeypatch.setattr(command.time, "sleep", nap)
    assert command.main([f"study={study}", "--watch"]) == 130
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if "tin200/seed_1" in line] == [
        "  running      tin200/seed_1: 1 of 4 epochs",
        "  running      tin200/seed_1: epoch 2/4  10 min left",
        "  running      tin200/seed_1: epoch 2/4  5 min left",
    ]


def test_what_is_no_study_is_one_line(tmp_path, capsys):
    assert command.main([f"study={tmp_path}"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"ConfigError: {tmp_path}: holds neither <arm>/seed_<n> nor preregistration.json; give the")
    assert len(error.splitlines()) == 1
