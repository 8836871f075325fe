"""Scheduling, exit codes and signals, with shell commands in place of runs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tlbench.errors import ConfigError
from tlbench.interrupts import Interrupted
from tlbench.study import jobs as module
from tlbench.study.jobs import CONSOLE_FILE, Chain, Job, run_chains, run_jobs

WAIT_FOR = "i=0; while [ ! -e {file} ] && [ $i -lt 1000 ]; do i=$((i+1)); sleep 0.01; done; test -e {file}"


@pytest.fixture(autouse=True)
def shell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's only argument is a shell script: it is called as `shell -m tlbench.train SCRIPT`."""
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\nshift 2\nexec sh -c "$1"\n')
    shell.chmod(0o755)
    monkeypatch.setattr(module.sys, "executable", str(shell))


def job(name: str, script: str) -> Job:
    return Job(name, [script], Path("study") / name)


def test_a_failing_run_does_not_stop_the_others(tmp_path):
    scripts = ["echo a; exit 0", "echo b >&2; exit 1", "exit 2", "kill -9 $$", "echo e"]
    codes = run_jobs([job(str(i), script) for i, script in enumerate(scripts)], 2)
    assert codes == [0, 1, 2, -9, 0]
    assert [(tmp_path / "study" / str(i) / CONSOLE_FILE).read_text() for i in (0, 1, 4)] == ["a\n", "b\n", "e\n"]


def test_the_console_of_an_earlier_try_is_kept(tmp_path):
    for text in ("first", "second"):
        run_jobs([job("a", f"echo {text}")], 2)
    assert (tmp_path / "study" / "a" / CONSOLE_FILE).read_text() == "first\nsecond\n"


def test_one_at_a_time_has_the_terminal_to_itself(tmp_path, capfd):
    assert run_jobs([job("a", "echo from the run"), job("b", "exit 3")], 1) == [0, 3]
    out = capfd.readouterr().out
    assert "from the run\n" in out
    assert "[1/2] a: complete after" in out
    assert "[2/2] b: exit code 3 after" in out
    assert not (tmp_path / "study").exists()


def test_as_many_run_at_a_time_as_asked_for(tmp_path):
    meet = [f"touch {me}; {WAIT_FOR.format(file=other)}" for me, other in (("a", "b"), ("b", "a"))]
    assert run_jobs([job(str(i), script) for i, script in enumerate(meet)], 2) == [0, 0]


def test_and_no_more(tmp_path):
    alone = "mkdir lock || exit 9; sleep 0.02; rmdir lock"
    assert run_jobs([job(str(i), alone) for i in range(4)], 1) == [0] * 4
    two = "mkdir a 2>/dev/null && mine=a || { mkdir b || exit 9; mine=b; }; sleep 0.02; rmdir $mine"
    assert run_jobs([job(str(i), two) for i in range(6)], 2) == [0] * 6


def test_cores_are_divided_unless_the_user_did(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    show = "echo $OMP_NUM_THREADS"
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    run_jobs([job("a", show)], 3)
    run_jobs([job("b", show)], 9)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    run_jobs([job("c", show)], 2)
    assert [(tmp_path / "study" / name / CONSOLE_FILE).read_text() for name in "abc"] == ["2\n", "1\n", "5\n"]


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(("name", "exit_code"), [("TERM", 143), ("INT", 130)])
def test_a_signal_stops_the_running_ones_and_starts_no_others(tmp_path, n_jobs, name, exit_code):
    """The run signals the study, then waits until the study asks it to stop."""
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    asked = f"trap 'touch asked; exit 143' TERM; kill -{name} {os.getpid()}; {WAIT_FOR.format(file='never')}"
    others = [job(f"other_{i}", f"touch other_{i}") for i in range(4)]
    waiting = [job("waiting", f"touch waiting; {WAIT_FOR.format(file='asked')}")] if n_jobs == 2 else []
    with pytest.raises(Interrupted) as caught:
        run_jobs([*waiting, job("asked", asked), *others], n_jobs)
    assert caught.value.exit_code == exit_code
    assert (tmp_path / "asked").exists()
    assert list(tmp_path.glob("other_*")) == []
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers


def chain(name: str, scripts: list[str], codes: list[int]) -> Chain:
    """Jobs that go on while the last one succeeded."""
    for number, script in enumerate(scripts):
        codes.append((yield job(f"{name}{number}", script)))
        if codes[-1]:
            return


def test_a_chains_jobs_follow_each_other_and_each_sees_the_last_ones_exit_code(tmp_path):
    alone = "mkdir {0} || exit 9; touch {0}{1}; sleep 0.02; rmdir {0}"
    codes: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    chains = [chain(name, [alone.format(name, n) for n in range(3)], codes[name]) for name in "ab"]
    run_chains([*chains, chain("c", ["exit 3", "touch c1"], codes["c"])], 2)
    assert codes == {"a": [0, 0, 0], "b": [0, 0, 0], "c": [3]}
    assert not (tmp_path / "c1").exists()


def test_chains_go_side_by_side(tmp_path):
    meet = [f"touch {me}; {WAIT_FOR.format(file=other)}" for me, other in (("a", "b"), ("b", "a"))]
    codes: list[int] = []
    run_chains([chain(str(i), [script, "exit 0"], codes) for i, script in enumerate(meet)], 2)
    assert codes == [0] * 4


def test_a_chain_that_refuses_stops_the_others_and_its_error_is_raised(tmp_path):
    def refusing() -> Chain:
        yield job("first", WAIT_FOR.format(file="waiting"))
        raise ConfigError("no")

    codes: list[int] = []
    waiting = f"trap 'touch asked; exit 143' TERM; touch waiting; {WAIT_FOR.format(file='asked')}"
    with pytest.raises(ConfigError, match="no"):
        run_chains([refusing(), chain("other", [waiting, "touch next"], codes)], 2)
    assert (tmp_path / "asked").exists()
    assert not (tmp_path / "next").exists()


def test_a_signal_ends_chains_in_order(tmp_path):
    asked = f"trap 'touch asked; exit 143' TERM; kill -TERM {os.getpid()}; {WAIT_FOR.format(file='never')}"
    with pytest.raises(Interrupted):
        run_chains([chain("a", [asked, "touch next"], [])], 1)
    assert (tmp_path / "asked").exists()
    assert not (tmp_path / "next").exists()
