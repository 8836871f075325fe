"""Run a study's runs as fresh subprocesses, some at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.console import say
from tlbench.errors import Failure, OutputError
from tlbench.interrupts import Interrupted, noted_signals
from tlbench.machine import cores_each
from tlbench.results.atomic import output_errors
from tlbench.results.folder import CONSOLE_FILE

_POLL_S = 0.05


class StudyFailed(Failure):
    """At least one run of a study failed."""


@dataclass(frozen=True)
class Job:
    """A run: its name for the user, the arguments of `python -m tlbench.train`, its folder."""

    name: str
    arguments: Sequence[str]
    folder: Path


def run_jobs(jobs: Sequence[Job], n_jobs: int) -> list[int]:
    """Run all jobs, `n_jobs` at a time; one that fails does not stop the others.

    One at a time, a run has the terminal to itself; several write into `console.log` in their folders.

    Returns:
        Exit codes, negative for a signal that killed the run.

    Raises:
        OutputError: A run's folder cannot be written; no others are started, and the running ones are asked to stop.
        Interrupted: On SIGINT or SIGTERM, after the running ones were asked to stop and have stopped (a session of
            their own each, so that Ctrl-C reaches them through here alone).
    """
    codes: dict[int, int] = {}
    running: dict[int, tuple[subprocess.Popen[bytes], float]] = {}
    waiting = deque(range(len(jobs)))
    asked_to_stop = False
    refused: list[OutputError] = []
    with noted_signals() as signals:
        while waiting or running:
            while waiting and len(running) < n_jobs and not signals:
                number = waiting.popleft()
                say(f"[{number + 1}/{len(jobs)}] {jobs[number].name}")
                try:
                    running[number] = _start(jobs[number], n_jobs), time.perf_counter()
                except OutputError as error:
                    refused.append(error)
                    waiting.clear()
            if signals or refused:
                waiting.clear()
                for process, _ in running.values():
                    if not asked_to_stop:
                        process.terminate()
                asked_to_stop = True
            time.sleep(_POLL_S)
            for number, (process, begun) in list(running.items()):
                code = process.poll()
                if code is not None:
                    del running[number]
                    codes[number] = code
                    outcome = "complete" if code == 0 else f"exit code {code}"
                    took = time.perf_counter() - begun
                    say(f"[{number + 1}/{len(jobs)}] {jobs[number].name}: {outcome} after {took:.0f} s")
    if signals:
        raise Interrupted(signals[0])
    if refused:
        raise refused[0]
    return [codes[number] for number in range(len(jobs))]


def _start(job: Job, n_jobs: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tlbench.train", *job.arguments]
    if n_jobs == 1:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    with output_errors(job.folder):
        job.folder.mkdir(parents=True, exist_ok=True)
        log = (job.folder / CONSOLE_FILE).open("ab")
    with log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"OMP_NUM_THREADS": str(cores_each(n_jobs)), **os.environ},
            start_new_session=True,
        )
