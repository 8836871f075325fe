"""Scheduling, exit codes and signals, with shell commands in place of runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.locks import fabricate
from tlbench.errors import ConfigError, FolderInUse
from tlbench.processes.launched import IN_USE, WAS_COMPLETE
from tlbench.records.lock import locked
from tlbench.study import gpus
from tlbench.study import jobs as module
from tlbench.study.chain import Chain, Job, Wait
from tlbench.study.jobs import CONSOLE_FILE, run_chains, run_jobs
from tlbench.system.interrupts import Interrupted

PYTHON = sys.executable
WAIT_FOR = "i=0; while [ ! -e {file} ] && [ $i -lt 1000 ]; do i=$((i+1)); sleep 0.01; done; test -e {file}"


@pytest.fixture(autouse=True)
def shell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's only argument is a shell script: it is called as `shell -c … SCRIPT`, as by a console script."""
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\nshift 2\nexec sh -c "$1"\n')
    shell.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(shell))


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


@pytest.mark.promise("a subprocess a run")
def test_as_many_run_at_a_time_as_asked_for(tmp_path):
    meet = [f"touch {me}; {WAIT_FOR.format(file=other)}" for me, other in (("a", "b"), ("b", "a"))]
    assert run_jobs([job(str(i), script) for i, script in enumerate(meet)], 2) == [0, 0]


@pytest.mark.promise("a subprocess a run")
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


def test_a_chain_begun_is_gone_on_with_before_another_is_begun(tmp_path):
    run_chains([chain(name, [f"echo {name}{n} >> order" for n in range(2)], []) for name in "abc"], 1)
    assert (tmp_path / "order").read_text().split() == ["a0", "a1", "b0", "b1", "c0", "c1"]


def test_a_folder_in_use_waits_behind_the_others_without_taking_up_a_place(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "_LOOKS_EVERY_S", 0.01)
    folder = tmp_path / "study" / "held"
    folder.mkdir(parents=True)
    lock = fabricate(folder)
    jobs = [job("held", "echo held >> order"), job("a", "echo a >> order"), job("b", f"echo b >> order; rm {lock}")]
    assert run_jobs(jobs, 1) == [0, 0, 0]
    assert (tmp_path / "order").read_text().split() == ["a", "b", "held"]
    out = capsys.readouterr().out
    assert out.count(f"[1/3] held: waits for process {os.getpid()} on ") == 1
    assert out.count("waits for") == 1


def test_a_run_that_met_another_process_is_put_back_and_one_that_was_complete_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "_LOOKS_EVERY_S", 0.01)
    meets = f"echo met >> order; test -e second && exit {WAS_COMPLETE}; touch second; exit {IN_USE}"
    assert run_jobs([job("a", meets), job("b", "echo b >> order; exit 3")], 1) == [0, 3]
    assert (tmp_path / "order").read_text().split() == ["met", "b", "met"]
    out = capsys.readouterr().out
    assert "[1/2] a: was complete\n" in out
    assert "complete after" not in out


def test_a_chain_waits_for_a_folder_and_holds_it_until_it_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LOOKS_EVERY_S", 0.01)
    folder, held = tmp_path / "arm", []

    def tuning(name: str) -> Chain:
        while True:
            try:
                with locked(folder):
                    held.append(name)
                    yield job(f"{name}0", "sleep 0.05")
                    yield job(f"{name}1", "true")
                    held.append(name)
                    return
            except FolderInUse:
                yield Wait(name, folder)

    run_chains([tuning(name) for name in "ab"], 2)
    assert held in (["a", "a", "b", "b"], ["b", "b", "a", "a"])
    assert not any(folder.iterdir())


def test_what_prepares_a_job_comes_first_and_may_let_it_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LOOKS_EVERY_S", 0.01)
    calls = []

    def prepare() -> list[str]:
        calls.append((tmp_path / "ran").exists())
        if len(calls) < 3:
            raise FolderInUse("not yet")
        return ["further"]

    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\nshift 2\necho "$@" > ran\n')
    run_jobs([Job("a", ["given"], Path("a"), prepare=prepare)], 1)
    assert calls == [False] * 3
    assert (tmp_path / "ran").read_text() == "given further\n"


def test_a_signal_does_not_wait_for_a_folder_in_use(tmp_path):
    folder = tmp_path / "study" / "held"
    folder.mkdir(parents=True)
    fabricate(folder)
    with pytest.raises(Interrupted):
        run_jobs([job("held", "touch started"), job("a", f"kill -TERM {os.getpid()}")], 1)
    assert not (tmp_path / "started").exists()


LAUNCHER = """
import sys
from pathlib import Path
from tlbench.study.jobs import run_jobs
from tlbench.study.chain import Job
sys.executable, n_jobs, *names = sys.argv[1:]
script = "echo $TLBENCH_LAUNCHED > told_{0}; cat; touch ended_{0}"
run_jobs([Job(name, [script.format(name)], Path(name)) for name in names], int(n_jobs))
"""


@pytest.mark.parametrize("names", ["a", "ab"])
def test_a_run_has_a_pipe_that_ends_with_its_launcher_however_that_ends(tmp_path, names):
    command = [PYTHON, "-c", LAUNCHER, str(tmp_path / "shell"), str(len(names)), *names]
    launcher = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    told = [tmp_path / f"told_{name}" for name in names]
    wait_for(lambda: all(path.exists() and path.read_text() == f"{launcher.pid}\n" for path in told))
    assert not list(tmp_path.glob("ended_*"))
    launcher.kill()
    launcher.wait()
    wait_for(lambda: len(list(tmp_path.glob("ended_*"))) == len(names))


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def meet(name: str, other: str, gpus: int) -> Job:
    """Says which GPUs it is to use, and ends when the other has begun."""
    script = f"echo ${{CUDA_VISIBLE_DEVICES-all}}; touch {name}; {WAIT_FOR.format(file=other)}"
    return Job(name, [script], Path("study") / name, gpus)


def seen_by(*names: str) -> list[str]:
    return [(Path("study") / name / CONSOLE_FILE).read_text().strip() for name in names]


@pytest.mark.promise("a GPU a run")
def test_runs_at_a_time_have_a_gpu_of_their_own_and_give_it_back(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpus, "_TOOL", "no such tool")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-0f1e")
    jobs = [meet("a", "b", 1), meet("b", "a", 1), meet("c", "a", 1), meet("d", "a", 0), meet("e", "a", 2)]
    assert run_jobs(jobs, 2) == [0] * 5
    a, b, c, d, e = seen_by(*"abcde")
    assert {a, b} == {"3", "GPU-0f1e"}
    assert c in (a, b)
    assert d == "3,GPU-0f1e"  # takes none: nothing is changed for it
    assert e == "3,GPU-0f1e"
    assert "[1/5] a, on GPU 3\n" in capsys.readouterr().out


def test_more_runs_than_gpus_share_them_and_that_is_said_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpus, "_TOOL", "no such tool")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert run_jobs([meet("a", "d", 1), meet("b", "d", 1), meet("c", "d", 1), meet("d", "d", 1)], 4) == [0] * 4
    assert sorted(seen_by(*"abcd")) == ["0", "0", "1", "1"]
    assert capsys.readouterr().out.count("n_jobs=4: runs share a GPU, as there are 2 GPUs for them") == 1


@pytest.mark.parametrize("given", [None, "", "-1"])
def test_without_gpus_nothing_is_changed(tmp_path, monkeypatch, capsys, given):
    monkeypatch.setattr(gpus, "_TOOL", "no such tool")
    if given is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert run_jobs([meet("a", "b", 1), meet("b", "a", 1)], 2) == [0, 0]
    assert seen_by("a", "b") == ["all" if given is None else given] * 2
    assert "GPU" not in capsys.readouterr().out


def test_one_run_at_a_time_sees_all_gpus(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert run_jobs([meet("a", "a", 1)], 1) == [0]
    assert "0,1\n" in capfd.readouterr().out
