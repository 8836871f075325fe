"""What a study's command shows of the runs that it has started: on a terminal live lines, else a line now and then."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tlbench import console
from tlbench.errors import ConfigError
from tlbench.records.progress import Progress, read_progress
from tlbench.records.record import read_record
from tlbench.study.chain import Job
from tlbench.study.eta import Durations, time_left
from tlbench.study.live import Board, Line, plain, run_line, study_line

_REDRAW_S = 0.5
"""Between two redraws."""

_LINES_S = 300.0
"""Between two looks where nothing can be redrawn."""


@dataclass
class _AtWork:
    job: Job
    begun: float
    told: Progress | None = None
    told_at: float = 0.0
    over: bool = False


class Watch:
    """Follows runs by their `progress.json`, and estimates the rest by how long whole ones took.

    That is from the start of their process to its end; of earlier ones what their records say. Those of the same arm
    come first, which is the folder that theirs lie in.

    Args:
        name: Of the study.
        jobs: All that are to run.
        n_jobs: Runs at a time, ≥ 1; a single one has the terminal to itself, so that nothing is drawn.
        total: How many will run, where not all are known; None: the jobs.
        what: They are.
    """

    def __init__(
        self, name: str, jobs: Sequence[Job], n_jobs: int, total: int | None = None, what: str = "runs"
    ) -> None:
        self._name, self._n_jobs, self._what = name, n_jobs, what
        self._total = len(jobs) if total is None else total
        self._waiting = {job.folder: job for job in jobs}
        self._unknown = self._total - len(jobs)
        self._at_work: dict[Path, _AtWork] = {}
        self._complete = self._failed = 0
        self._stopping = False
        self._durations = Durations((job.folder.parent, took) for job in jobs if (took := _took(job)) is not None)
        self._board = Board()
        self._drawn = n_jobs > 1 and console.is_terminal()
        self._next = monotonic() + (0.0 if self._drawn else _LINES_S)

    def began(self, job: Job) -> None:
        """A run's process has started."""
        if self._waiting.pop(job.folder, None) is None:
            self._unknown = max(self._unknown - 1, 0)
        self._at_work[job.folder] = _AtWork(job, monotonic())

    def put_back(self, job: Job) -> None:
        """It has met another process at work in its folder, and waits."""
        del self._at_work[job.folder]
        self._waiting[job.folder] = job

    def ended(self, job: Job, code: int, *, was_complete: bool = False) -> str:
        """A run's process has ended; how far the study is, for the line that says so: empty where nothing is left."""
        run = self._at_work.pop(job.folder)
        self._complete += code == 0
        if self._stopping:
            return ""
        self._failed += code != 0
        if code == 0 and not was_complete and not _was_resumed(job.folder):
            self._durations.add(job.folder.parent, monotonic() - run.begun)
        if self._complete + self._failed == self._total or was_complete:
            return ""
        return f"; {self._study().forms[0]}"

    def stop(self) -> None:
        """The running ones were asked to stop, and no others begin."""
        self._stopping = True

    def look(self) -> None:
        """Show how far all are, if it is time."""
        if monotonic() < self._next or self._n_jobs == 1:
            return
        lines = [self._study(), *(self._run(each) for each in self._at_work.values())]
        if self._drawn:
            self._board.show(lines)
        elif self._at_work:
            console.say_lines("\n".join(plain(lines)))
        self._next = monotonic() + (_REDRAW_S if self._drawn else _LINES_S)

    def close(self) -> None:
        """Take the lines away."""
        self._board.close()

    def _run(self, run: _AtWork) -> Line:
        left = self._left(run)
        return Line(run.job.name, ("ends",)) if run.over else run_line(run.job.name, run.told, left)

    def _study(self) -> Line:
        if self._stopping:
            return Line(self._name, (f"stops; waits for {len(self._at_work)} to save", "stops"))
        running = [self._left(each) for each in self._at_work.values()]
        whole = Durations(
            (each.job.folder.parent, left + monotonic() - each.begun)
            for each, left in zip(self._at_work.values(), running, strict=True)
            if left is not None
        )
        waiting = [
            0.0 if job.complete else self._durations.of(job.folder.parent, whole) for job in self._waiting.values()
        ]
        waiting += [self._durations.of(None, whole)] * self._unknown
        left = time_left(running, waiting, self._n_jobs)
        return study_line(self._name, self._complete, self._total, self._failed, left, self._what)

    def _left(self, run: _AtWork) -> float | None:
        """Seconds: what the run has told, less what has passed since; before that what others took."""
        now, told = monotonic(), read_progress(run.job.folder)
        if told != run.told:
            run.told, run.told_at, run.over = told, now, told is None
        if run.over:
            return 0.0
        if run.told is not None and run.told.left_s is not None:
            return max(run.told.left_s - (now - run.told_at), 0.0)
        usual = self._durations.of(run.job.folder.parent)
        return None if usual is None else max(usual - (now - run.begun), 0.0)


def _took(job: Job) -> float | None:
    """Seconds that a job's run took that is complete already."""
    if not job.complete:
        return None
    with contextlib.suppress(ConfigError):
        record = read_record(job.folder)
        return None if record is None or record.volatile.resumes else record.volatile.total_s
    return None


def _was_resumed(folder: Path) -> bool:
    with contextlib.suppress(ConfigError):
        record = read_record(folder)
        return record is not None and record.volatile.resumes > 0
    return False
