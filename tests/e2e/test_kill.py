"""Real processes, killed by real signals at exact moments; the same command then ends as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dying import Processes
from tests.resuming import GRADUAL, STEPS, assert_equal_runs

KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    started = Processes(tmp_path_factory.mktemp("processes"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def whole(processes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    end = processes.run(*GRADUAL, f"hydra.run.dir={folder}")
    assert end.code == 0, end.out
    return folder


MOMENTS = {
    # which call of the moment; the checkpoint that a killed run goes on from, and the step of a terminated one
    "in an epoch": (2 * STEPS - 1, f"last.ckpt (step {STEPS})", 2 * STEPS - 1),
    "in validation": (2, f"last.ckpt (step {STEPS})", 2 * STEPS),
    "in a checkpoint's bytes": (3, f"last.ckpt (step {2 * STEPS})", 3 * STEPS + 1),
    "between a checkpoint's renames": (2, f"previous.ckpt (step {2 * STEPS})", 3 * STEPS + 1),
    "at an epoch's start": (3, f"last.ckpt (step {2 * STEPS})", 2 * STEPS + 1),  # where the third stage begins
}


QUICK = ("in an epoch", "between a checkpoint's renames")
KILLS = [
    pytest.param(moment, signal.SIGKILL, id=f"{moment}-SIGKILL", marks=[] if moment in QUICK else [pytest.mark.slow])
    for moment in MOMENTS
]
KILLS += [
    pytest.param(moment, signal.SIGTERM, id=f"{moment}-SIGTERM", marks=pytest.mark.slow)  # quick ones: test_resume.py
    for moment in MOMENTS
]


@pytest.mark.promise("SIGKILL", "bytes of best.ckpt after a kill")
@pytest.mark.parametrize(("moment", "number"), KILLS)
def test_killed(processes, whole, tmp_path, moment, number):
    call, from_checkpoint, from_step = MOMENTS[moment]
    run = (*GRADUAL, f"hydra.run.dir={tmp_path}")
    end = processes.run(*run, moment=moment, call=call, number=number)
    if number == signal.SIGKILL:
        assert end.code == KILLED, end.out
        assert not (tmp_path / "record.json").exists()
    else:
        assert end.code == 143, end.out
        assert "SIGTERM: interrupted; the same command goes on" in end.out
        from_checkpoint = f"last.ckpt (step {from_step})"
    end = processes.run(*run)
    assert end.code == 0, end.out
    assert f"goes on from {tmp_path}/{from_checkpoint}" in end.out
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".last.ckpt.")] == []
    assert_equal_runs(tmp_path, whole)


@pytest.mark.promise("SIGKILL")
@pytest.mark.slow
def test_killed_at_one_moment_after_another(processes, whole, tmp_path):
    """Each process goes on where the one before was killed, and is killed in its turn."""
    run = (*GRADUAL, f"hydra.run.dir={tmp_path}")
    kills = (
        ("in a checkpoint's bytes", 1),  # the first one: nothing is saved yet
        ("after the best checkpoint", 2),
        ("between a checkpoint's renames", 1),
        ("in an epoch", 2),
        ("before the record", 1),  # all is done and logged but that
    )
    for moment, call in kills:
        end = processes.run(*run, moment=moment, call=call, number=signal.SIGKILL)
        assert end.code == KILLED, (moment, end.out)
    end = processes.run(*run)
    assert end.code == 0, end.out
    assert f"goes on from {tmp_path}/last.ckpt (step {4 * STEPS})" in end.out
    assert_equal_runs(tmp_path, whole)


@pytest.mark.promise("SIGKILL")
@pytest.mark.slow
def test_the_command_itself(tmp_path):
    """`python -m tlbench.train` with the real network, told to stop as soon as its first epoch's line appears."""
    command = (sys.executable, "-u", "-m", "tlbench.train", *GRADUAL)
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    for number, code in ((signal.SIGTERM, 143), (signal.SIGKILL, KILLED)):
        folder = f"hydra.run.dir={tmp_path / 'run'}"
        with subprocess.Popen([*command, folder], stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("epoch "):
                    process.send_signal(number)
                    break
            process.stdout.read()
        assert process.returncode == code
    for name in ("run", "whole"):
        subprocess.run([*command, f"hydra.run.dir={tmp_path / name}"], check=True, env=environment)
    resumes = json.loads((tmp_path / "run" / "record.json").read_text())["volatile"]["resumes"]
    assert resumes == 1  # the killed process left no record that could count its own
    assert_equal_runs(tmp_path / "run", tmp_path / "whole")
