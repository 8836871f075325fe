"""Run a study's runs as fresh subprocesses, some at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from tlbench.console import say
from tlbench.interrupts import Interrupted, interruptible
from tlbench.results.atomic import output_errors
from tlbench.results.folder import CONSOLE_FILE

_LOOK_UP_S = 0.5
"""How often the main thread looks up from waiting: a signal may have been delivered to another thread."""


class StudyFailed(Exception):
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
        Interrupted: On SIGINT or SIGTERM, after the running ones were asked to stop and have stopped (a session of
            their own each, so that Ctrl-C reaches them through here alone).
    """
    running: list[subprocess.Popen[bytes]] = []
    stopping = False

    def finish(process: subprocess.Popen[bytes]) -> int:
        running.append(process)
        if stopping:  # the signal came between its start and now
            process.terminate()
        return process.wait()

    def run_one(numbered: tuple[int, Job]) -> int:
        number, job = numbered
        if stopping:
            return 130
        say(f"[{number}/{len(jobs)}] {job.name}")
        begun = time.perf_counter()
        command = [sys.executable, "-m", "tlbench.train", *job.arguments]
        if n_jobs == 1:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
            code = finish(process)
        else:
            with output_errors(job.folder):
                job.folder.mkdir(parents=True, exist_ok=True)
                log = (job.folder / CONSOLE_FILE).open("ab")
            with log:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=_share_of_cores(n_jobs),
                    start_new_session=True,
                )
                code = finish(process)
        outcome = "complete" if code == 0 else f"exit code {code}"
        say(f"[{number}/{len(jobs)}] {job.name}: {outcome} after {time.perf_counter() - begun:.0f} s")
        return code

    with ThreadPoolExecutor(n_jobs) as pool:
        try:
            with interruptible():
                results = [pool.submit(run_one, numbered) for numbered in enumerate(jobs, start=1)]
                while wait(results, timeout=_LOOK_UP_S).not_done:
                    pass
                return [result.result() for result in results]
        except Interrupted:
            stopping = True
            for process in running:
                if process.poll() is None:
                    process.terminate()
            raise


def _share_of_cores(n_jobs: int) -> dict[str, str]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"OMP_NUM_THREADS": str(max(cores // n_jobs, 1)), **os.environ}
