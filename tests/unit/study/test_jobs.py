"""Scheduling, exit codes and signals, with shell commands in place of runs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tlbench.interrupts import Interrupted
from tlbench.study import jobs as module
from tlbench.study.jobs import CONSOLE_FILE, Job, run_jobs

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
