"""The oracles of `benchmarks.attacks` are content with what they should be, and with nothing else."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.attacks.attack import Attack, Expect, Place
from benchmarks.attacks.command import CLOSED, NO_READER, Command, Running
from benchmarks.attacks.files import lost, snapshot
from benchmarks.attacks.groups import GROUPS, all_attacks
from benchmarks.attacks.laboratory import Verdict
from benchmarks.attacks.oracles import complete, either, failed, quiet, refused, untouched
from benchmarks.attacks.page import written

LINE = "ConfigError: bad.png: no image; replace it"


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "references").mkdir()
    made = Place(tmp_path / "attack", tmp_path / "references")
    monkeypatch.chdir(made.folder)
    Path("precious").write_text("precious")
    yield made
    made.close()


def refuse():
    print(LINE, file=sys.stderr)
    return 2


def wrong(place, function, oracle, **options):
    return " | ".join(Expect(Command("fake", function=function, **options), oracle)(place))


def test_a_refusal_in_one_line_is_survived(place):
    assert wrong(place, refuse, refused("bad.png")) == ""
    assert wrong(place, refuse, refused("image", "good.png|bad.png")) == ""


def _traceback():
    raise RuntimeError("unexpected")


def _printed_traceback():
    print("Traceback (most recent call last):")
    return refuse()


def _two_lines():
    print("warning: something", file=sys.stderr)
    return refuse()


def _other_code():
    refuse()
    return 1


def _signal():
    os.kill(os.getpid(), 9)


def _escape():
    print("\x1b[2J")
    return refuse()


def _loses():
    Path("precious").unlink()
    return refuse()


def _rewrites():
    Path("precious").write_text("other")
    return refuse()


def _escapes():
    Path("../CODE_RAN").touch()
    return refuse()


def _leads_out():
    Path("../elsewhere").mkdir()
    return refuse()


def _trains_first():
    print("epoch 1/3  train/loss 1")
    return refuse()


@pytest.mark.promise("oracles of attacks")
@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (_traceback, "traceback"),
        (_printed_traceback, "traceback"),
        (_two_lines, "2 lines on stderr"),
        (_other_code, "exit code 1, wanted 2"),
        (_signal, "exit code 137"),
        (_escape, "control characters"),
        (_loses, "precious was lost"),
        (_rewrites, "precious was lost"),
        (_escapes, "CODE_RAN appeared"),
        (_leads_out, "elsewhere appeared"),
        (_trains_first, "trained before it refused"),
        (lambda: 2, "0 lines on stderr"),
        (lambda: 0, "exit code 0, wanted 2"),
    ],
)
def test_what_is_no_refusal_is_found(place, function, reason):
    assert reason in wrong(place, function, refused("bad.png"))


def test_a_line_that_names_another_thing_is_found(place):
    assert "does not say 'good.png'" in wrong(place, refuse, refused("good.png"))


def test_a_hang_is_found_and_ended(place):
    began = time.monotonic()
    assert "did not end within" in wrong(place, lambda: time.sleep(60), quiet(0), seconds=0.3)
    assert time.monotonic() - began < 10


def test_code_that_ran_in_a_command_that_hangs_is_found(place):
    def hang():
        Path("../CODE_RAN").touch()
        time.sleep(60)

    assert "CODE_RAN appeared" in wrong(place, hang, refused(), seconds=0.3)


def test_a_process_left_behind_is_found_and_ended(place, monkeypatch):
    monkeypatch.setattr("benchmarks.attacks.command.ORPHANS_END_S", 0.3)

    def leave():
        if os.fork() == 0:
            Path("orphan").write_text(str(os.getpid()))
            time.sleep(60)
        while not Path("orphan").exists():
            time.sleep(0.01)

    assert "left processes behind" in wrong(place, leave, quiet(0))
    left = Path("/proc", Path("orphan").read_text(), "stat")
    until = time.monotonic() + 5
    while left.exists() and left.read_text().split()[2] != "Z" and time.monotonic() < until:
        time.sleep(0.01)
    assert not left.exists() or left.read_text().split()[2] == "Z"


def test_memory_is_limited(place):
    def much():
        bytearray(400 << 20)
        return 0

    assert "traceback" in wrong(place, much, quiet(0), memory_mb=100)
    assert wrong(place, much, quiet(0), memory_mb=2000) == ""


def write_run(status, folder="run"):
    Path(folder).mkdir(exist_ok=True)
    Path(folder, "record.json").write_text(json.dumps({"status": status}))


def test_an_honest_failure_has_exit_code_1_and_a_record_that_says_so(place):
    def fail(status, code=1):
        def command():
            write_run(status)
            print("the run failed: NaN in epoch 1", file=sys.stderr)
            return code

        return command

    assert wrong(place, fail("failed"), failed("NaN")) == ""
    assert "the record says complete, wanted failed" in wrong(place, fail("complete"), failed("NaN", run="run"))
    assert "exit code 0, wanted 1" in wrong(place, fail("failed", 0), failed("NaN"))


def test_a_complete_record_is_never_lost_an_unfinished_one_may_be_renewed(place):
    write_run("interrupted")
    before = snapshot(place.folder)
    write_run("complete")
    assert lost(before) == []
    before = snapshot(place.folder)
    write_run("failed")
    assert lost(before) == ["run/record.json was lost"]
    write_run("complete")
    Path("run").rename("moved")
    assert lost(before) == []  # moved is not lost


def test_complete_looks_at_exit_code_record_and_output(place):
    def command():
        write_run("complete")
        print("all is well")

    assert wrong(place, command, complete("run", "well")) == ""
    assert "'bad' was not said" in wrong(place, command, complete("run", "bad"))
    assert "wanted complete" in wrong(place, lambda: write_run("failed"), complete())


def test_either_tells_what_speaks_against_each(place):
    assert wrong(place, refuse, either(complete(), refused())) == ""
    both = wrong(place, lambda: 5, either(complete(), refused()))
    assert "exit code 5, wanted 0" in both
    assert "exit code 5, wanted 2" in both


def test_a_file_that_was_touched_is_found(place):
    assert "precious was changed" in wrong(place, lambda: Path("precious").write_text("x") and 0, untouched("precious"))
    Path("precious").write_text("x")
    assert wrong(place, lambda: 0, untouched("precious")) == ""


def test_streams_are_what_they_are_said_to_be(place):
    def try_stdout():
        assert sys.stdout is not None
        try:
            os.write(1, b"x")
        except OSError as error:
            return error.errno
        return 0

    def run(name, function):
        return place.start(Command("fake", function=function, streams={1: name})).wait().code

    assert run(CLOSED, lambda: int(sys.stdout is None)) == 1
    assert run(NO_READER, try_stdout) == 32  # EPIPE
    assert run("/dev/full", try_stdout) == 28  # ENOSPC


def test_a_command_can_be_signalled_while_it_runs(place):
    def command():
        print("begun", flush=True)
        time.sleep(60)

    running = Running(Command("fake", function=command), place.folder, place.streams)
    while "begun" not in running.said:
        time.sleep(0.01)
    assert not running.ended()
    running.send(15)
    assert running.wait().code == 143


def test_attacks_are_many_and_named_apart():
    attacks = all_attacks()
    assert {attack.group for attack in attacks} == GROUPS.keys()
    assert len({attack.full_name for attack in attacks}) == len(attacks) > 1000


def test_the_table_counts_and_the_prose_around_it_stays():
    attacks = [Attack("a kind", str(i), lambda _: None, (), group="a group") for i in range(4)]
    verdicts = [Verdict(0), Verdict(1), Verdict(2, wrong=("exit | code 1",)), Verdict(3, skipped="needs <x>")]
    page = written("# Title\n\nprose\n", attacks, verdicts)
    assert "| a group | a kind | 3 | 2 | 1 |" in page
    assert "2 of 3 attacks survived, 1 could not be tried." in page
    assert "- a group: a kind: 2: exit \\| code 1" in page
    assert "- a group: a kind: 3: needs &lt;x>" in page
    again = written(page.replace("prose", "other prose") + "after\n", attacks, [Verdict(i) for i in range(4)])
    assert again.startswith("# Title\n\nother prose\n")
    assert again.endswith("after\n")
    assert "| a group | a kind | 4 | 4 |  |" in again
    assert "- none" in again
