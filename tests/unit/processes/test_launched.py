"""A process ends with the pipe from its launcher, early and late, and passes on nothing of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tlbench.processes.launched import LAUNCHED, follow_launcher, launched_environment

EARLY = """
import os, time
from tlbench.processes.launched import follow_launcher
print(follow_launcher(), "TLBENCH_LAUNCHED" in os.environ, repr(os.read(0, 1)), flush=True)
time.sleep(60)
"""
LATE = """
import os, time
from tlbench.system.interrupts import Interrupted, interruptible
from tlbench.processes.launched import follow_launcher
follow_launcher()
try:
    with interruptible():
        print("at work", flush=True)
        time.sleep(60)
except Interrupted as error:
    print(error, flush=True)
    raise SystemExit(error.exit_code)
"""


def started(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=launched_environment(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("code", "said", "exit_code"), [(EARLY, "", -signal.SIGTERM), (LATE, "SIGTERM\n", 143)])
def test_the_pipes_end_is_a_sigterm(code, said, exit_code):
    process = started(code)
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == ("True False b''\n" if code == EARLY else "at work\n")
    process.stdin.write("what is written counts for nothing\n")
    process.stdin.flush()
    assert process.poll() is None
    out, _ = process.communicate()
    assert (out, process.returncode) == (said, exit_code)


def test_a_pipe_that_ended_before_anybody_looked():
    process = started(EARLY)
    process.communicate()
    assert process.returncode == -signal.SIGTERM


def test_without_a_launcher_or_its_pipe_nothing_is_followed(monkeypatch):
    assert not follow_launcher()
    monkeypatch.setenv(LAUNCHED, "1")  # leaked, say: standard input is no pipe of a launcher
    with open(os.devnull) as null:  # noqa: PTH123
        before = os.dup(0)
        os.dup2(null.fileno(), 0)
        try:
            assert not follow_launcher()
        finally:
            os.dup2(before, 0)
            os.close(before)
    assert LAUNCHED not in os.environ
