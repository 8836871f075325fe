"""Run a study's runs as fresh subprocesses, some at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tlbench.console import say
from tlbench.errors import Failure, UserError
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


Chain = Generator[Job, int, None]
"""Jobs one after another: yields one, is sent its exit code, and so may let the next depend on it."""


def run_jobs(jobs: Sequence[Job], n_jobs: int) -> list[int]:
    """Run all jobs, `n_jobs` at a time; one that fails does not stop the others.

    Returns:
        Exit codes, negative for a signal that killed the run.

    Raises:
        OutputError, Interrupted: As `run_chains`.
    """
    codes = dict.fromkeys(range(len(jobs)), 0)

    def one(number: int, job: Job) -> Chain:
        codes[number] = yield replace(job, name=f"[{number + 1}/{len(jobs)}] {job.name}")

    run_chains([one(number, job) for number, job in enumerate(jobs)], n_jobs)
    return list(codes.values())


def run_chains(chains: Iterable[Chain], n_jobs: int) -> None:
    """Run the jobs of all chains, `n_jobs` at a time, those of a chain one after another; the chains take turns.

    One at a time, a run has the terminal to itself; several write into `console.log` in their folders.

    Raises:
        UserError: A chain raised it, or a run's folder cannot be written; no others are started, and the running ones
            are asked to stop.
        Interrupted: On SIGINT or SIGTERM, after the running ones were asked to stop and have stopped (a session of
            their own each, so that Ctrl-C reaches them through here alone).
    """
    ready: deque[tuple[Chain, int | None]] = deque((chain, None) for chain in chains)
    running: list[_Running] = []
    asked_to_stop = False
    refused: list[UserError] = []
    with noted_signals() as signals:
        while ready or running:
            while ready and len(running) < n_jobs and not signals:
                chain, code = ready.popleft()
                try:
                    job = next(chain) if code is None else chain.send(code)
                    say(job.name)
                    running.append(_Running(chain, job, _start(job, n_jobs), time.perf_counter()))
                except StopIteration:
                    pass
                except UserError as error:
                    refused.append(error)
                    ready.clear()
            if signals or refused:
                ready.clear()
                for run in running:
                    if not asked_to_stop:
                        run.process.terminate()
                asked_to_stop = True
            if running:
                time.sleep(_POLL_S)
            for run in list(running):
                code = run.process.poll()
                if code is not None:
                    running.remove(run)
                    ready.append((run.chain, code))
                    outcome = "complete" if code == 0 else f"exit code {code}"
                    say(f"{run.job.name}: {outcome} after {time.perf_counter() - run.begun:.0f} s")
    if signals:
        raise Interrupted(signals[0])
    if refused:
        raise refused[0]


@dataclass(frozen=True)
class _Running:
    chain: Chain
    job: Job
    process: subprocess.Popen[bytes]
    begun: float


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
