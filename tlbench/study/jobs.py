"""Run a study's runs as fresh subprocesses, some at a time, beside other commands that may do the same."""

from __future__ import annotations

import os
import subprocess
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tlbench.console import say
from tlbench.errors import FolderInUse, UserError
from tlbench.processes.child import command_of
from tlbench.processes.launched import IN_USE, WAS_COMPLETE, launched_environment
from tlbench.records.folder import CONSOLE_FILE
from tlbench.records.lock import holder
from tlbench.study.chain import Chain, Job, Turn, Wait
from tlbench.study.gpus import VISIBLE, GpuPool, visible_gpus
from tlbench.study.told import Inbox, Notices
from tlbench.study.watch import Watch
from tlbench.system.atomic import output_errors
from tlbench.system.interrupts import Interrupted, noted_signals
from tlbench.system.machine import cores_each
from tlbench.system.own_files import open_for_appending

_POLL_S = 0.05
_LOOKS_EVERY_S = 0.5
"""Seconds between two looks at the folders that other processes work in."""


_notices = Notices()
"""Of the one study that this process runs, its trials included."""


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

    run_chains([one(number, job) for number, job in enumerate(jobs)], n_jobs, Watch("study", jobs, n_jobs))
    return list(codes.values())


def run_chains(chains: Iterable[Chain], n_jobs: int, watch: Watch | None = None) -> None:
    """Run the jobs of all chains, `n_jobs` at a time, those of a chain one after another; a chain begun is gone on with
    before another is begun.

    A job whose folder another process works in (its lock is held, see `results.lock`) waits behind the others, without
    taking up one of the `n_jobs` places, until that has ended, and is started then: it finds the run complete, or goes
    on with it. So commands that have runs in common share them.

    One at a time, a run has the terminal to itself; several write into `console.log` in their folders, and each has a
    GPU of its own, where there are several. How far these are, `watch` shows.

    Raises:
        UserError: A chain raised it, or a run's folder cannot be written; no others are started, and the running ones
            are asked to stop.
        Interrupted: On SIGINT or SIGTERM, after the running ones were asked to stop and have stopped (a session of
            their own each, so that Ctrl-C reaches them through here alone).
    """
    turns = [Turn(chain) for chain in chains]
    watch = Watch("study", [], n_jobs, len(turns)) if watch is None else watch
    crew = _Crew(turns, n_jobs, watch)
    try:
        with noted_signals() as signals:
            while crew.has_work():
                if signals or crew.refused:
                    crew.stop()
                else:
                    crew.start()
                if crew.running or crew.waiting:
                    time.sleep(_POLL_S)
                crew.collect()
                watch.look()
    finally:
        watch.close()
        crew.close()
    if signals:
        raise Interrupted(signals[0])
    if crew.refused:
        raise crew.refused[0]


@dataclass(frozen=True)
class _Running:
    turn: Turn
    job: Job
    process: subprocess.Popen[bytes]
    begun: float
    gpus: Sequence[str]
    inbox: Inbox


class _Crew:
    """The chains: those whose turn it is, those that wait for another process, and those with a running job."""

    def __init__(self, turns: Sequence[Turn], n_jobs: int, watch: Watch) -> None:
        self.ready, self.n_jobs, self._watch = deque(turns), n_jobs, watch
        self.waiting: list[Turn] = []
        self.running: list[_Running] = []
        self.refused: list[UserError] = []
        self._all = list(turns)
        self._looked_at = 0.0
        self._asked_to_stop = False
        self._gpus: GpuPool | None = None
        self._said_that_gpus_are_shared = False

    def has_work(self) -> bool:
        return bool(self.ready or self.waiting or self.running)

    def start(self) -> None:
        """Start what may be started; let the rest wait."""
        self._look()
        while self.ready and len(self.running) < self.n_jobs and not self.refused:
            turn = self.ready.popleft()
            try:
                self._begin(turn)
            except StopIteration:
                pass
            except FolderInUse:
                self._let_wait(turn, None if turn.wanted is None else holder(turn.wanted.folder))
            except UserError as error:
                self.refused.append(error)

    def stop(self) -> None:
        """Start no more, and ask the running ones to stop."""
        self._watch.stop()
        self.ready.clear()
        self.waiting.clear()
        if not self._asked_to_stop:
            for run in self.running:
                run.process.terminate()
        self._asked_to_stop = True

    def collect(self) -> None:
        """See which running ones have ended."""
        for run in list(self.running):
            code = run.process.poll()
            self._listen(run)
            if code is None:
                continue
            run.inbox.close()
            self.running.remove(run)
            assert run.process.stdin is not None
            run.process.stdin.close()
            if self._gpus is not None:
                self._gpus.give_back(run.gpus)
            if code == IN_USE:
                self._watch.put_back(run.job)
                self._let_wait(run.turn, holder(run.job.folder))
                continue
            was_complete = code == WAS_COMPLETE
            code = 0 if was_complete else code
            how_far = self._watch.ended(run.job, code, was_complete=was_complete)
            outcome = "complete" if code == 0 else f"exit code {code}"
            outcome += f" after {time.perf_counter() - run.begun:.0f} s{how_far}"
            say(f"{run.job.name}: {'was complete' if was_complete else outcome}")
            run.turn.done(code)
            self.ready.appendleft(run.turn)

    def _listen(self, run: _Running) -> None:
        """Take what it has told since."""
        for message in run.inbox.messages():
            if message.kind == "notice":
                _notices.take(message, self.n_jobs == 1)
            elif run.job.warned is not None:
                run.job.warned(message.text)

    def close(self) -> None:
        """Let the chains release what they hold."""
        for turn in self._all:
            turn.chain.close()

    def _begin(self, turn: Turn) -> None:
        wanted = turn.advance()
        there = holder(wanted.folder)
        if there is not None:
            self._let_wait(turn, there)
        elif isinstance(wanted, Wait):
            turn.done(0)
            self.ready.appendleft(turn)
        else:
            if wanted.prepare is not None:
                wanted = replace(wanted, arguments=[*wanted.arguments, *(wanted.prepare() or ())])
            gpus = self._take_gpus(wanted)
            say(wanted.name + (f", on GPU {', '.join(gpus)}" if gpus else ""))
            inbox = Inbox()
            try:
                process = _start(wanted, self.n_jobs, gpus, inbox)
            except BaseException:
                inbox.close()
                raise
            finally:
                inbox.close_writing()
            self.running.append(_Running(turn, wanted, process, time.perf_counter(), gpus, inbox))
            self._watch.began(wanted)

    def _let_wait(self, turn: Turn, there: str | None) -> None:
        if there is not None and there != turn.waits_for and turn.wanted is not None:
            say(f"{turn.wanted.name}: waits for {there}")
            turn.waits_for = there
        self.waiting.append(turn)

    def _look(self) -> None:
        """Those whose folders have become free wait for their turn again, behind all others."""
        if time.monotonic() - self._looked_at < _LOOKS_EVERY_S:
            return
        self._looked_at = time.monotonic()
        for turn in list(self.waiting):
            if turn.wanted is None or holder(turn.wanted.folder) is None:
                self.waiting.remove(turn)
                self.ready.append(turn)

    def _take_gpus(self, job: Job) -> Sequence[str]:
        """Those that it is to use; none: it is left to itself."""
        if self.n_jobs == 1 or job.gpus == 0:
            return []
        if self._gpus is None:
            self._gpus = GpuPool(visible_gpus(os.environ))
        gpus = self._gpus.take(job.gpus)
        if self._gpus.is_shared(gpus) and not self._said_that_gpus_are_shared:
            self._said_that_gpus_are_shared = True
            here = f"there are {len(self._gpus)} GPUs" if len(self._gpus) > 1 else "there is one GPU"
            say(f"hydra.launcher.n_jobs={self.n_jobs}: runs share a GPU, as {here} for them")
        return gpus


def _start(job: Job, n_jobs: int, gpus: Sequence[str], inbox: Inbox) -> subprocess.Popen[bytes]:
    """The pipe to its standard input ends with this process, however that ends; then the run stops."""
    command = command_of("tlbench.train", *job.arguments)
    environment = {**launched_environment(os.environ), **_notices.environment(inbox, n_jobs == 1)}
    tells = (inbox.writing,)
    if n_jobs == 1:
        return subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True, pass_fds=tells)
    environment = {"OMP_NUM_THREADS": str(cores_each(n_jobs)), **environment}
    if gpus:
        environment[VISIBLE] = ",".join(gpus)
    with output_errors(job.folder):
        job.folder.mkdir(parents=True, exist_ok=True)
        log = open_for_appending(job.folder / CONSOLE_FILE)
    with log:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            pass_fds=tells,
        )
