"""What a study has done, what runs, and about how long it takes still: by what lies in its folder."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from tlbench.errors import ConfigError
from tlbench.records.curves import CURVES_FILE
from tlbench.records.earlier_arm import names_in
from tlbench.records.folder import CONFIG_FILE
from tlbench.records.lock import holder
from tlbench.records.progress import Progress, read_progress
from tlbench.records.record import Record, read_record
from tlbench.study.eta import Durations, duration, time_left
from tlbench.study.kept import OF_NO_STUDY
from tlbench.study.live import Line, run_line, study_line
from tlbench.study.preregistration import REGISTRATION_FILE, read_registration
from tlbench.study.summary import failure_of
from tlbench.system.regular_file import read_regular

State = Literal["complete", "failed", "interrupted", "running", "begun", "waiting"]
"""`begun` has neither a record nor a process at work: it was killed, and the same command goes on with it."""

_ORDER: tuple[State, ...] = ("complete", "running", "failed", "interrupted", "begun", "waiting")
_LISTED: tuple[State, ...] = ("running", "failed", "interrupted", "begun")
_LARGEST = 1 << 24  # bytes of a table of curves


@dataclass(frozen=True)
class RunStatus:
    """A run.

    Attributes:
        arm: Its arm.
        seed: Its seed.
        state: What is known of it.
        epochs: Whole epochs that its curves hold; of complete runs those that it trained.
        max_epochs: `trainer.max_epochs`; None where its configuration is not there.
        seconds: That it took in all, of complete runs that were never resumed.
        reason: Why it failed.
        progress: What a running one has told.
    """

    arm: str
    seed: int
    state: State
    epochs: int = 0
    max_epochs: int | None = None
    seconds: float | None = None
    reason: str = ""
    progress: Progress | None = None

    @property
    def name(self) -> str:
        """As its folder is called within the study's."""
        return f"{self.arm}/seed_{self.seed}"


@dataclass(frozen=True)
class StudyStatus:
    """A study.

    Attributes:
        name: Of its folder.
        runs: All that were registered or begun, by arm, then by seed.
    """

    name: str
    runs: tuple[RunStatus, ...]

    @property
    def done(self) -> bool:
        """Whether nothing runs or waits."""
        return not any(run.state in ("running", "waiting") for run in self.runs)

    @property
    def remaining_s(self) -> float | None:
        """Seconds until all are complete with as many at a time as run now, by what running ones tell and complete ones
        took; None where that is not known.
        """
        known = Durations((run.arm, run.seconds) for run in self.runs if run.seconds is not None)
        running = [self._left(run, known) for run in self.runs if run.state == "running"]
        others = [run for run in self.runs if run.state in ("waiting", "begun", "interrupted")]
        return time_left(running, [self._left(run, known) for run in others], max(1, len(running)))

    def left_of(self, run: RunStatus) -> float | None:
        """Seconds that a running one takes still, likewise."""
        return self._left(run, Durations((each.arm, each.seconds) for each in self.runs if each.seconds is not None))

    def count(self, state: State) -> int:
        """How many runs are in it."""
        return sum(run.state == state for run in self.runs)

    @staticmethod
    def _left(run: RunStatus, known: Durations) -> float | None:
        if run.progress is not None and run.progress.left_s is not None:
            return run.progress.left_s
        takes = known.of(run.arm)
        return None if takes is None else takes * (1 - run.epochs / run.max_epochs if run.max_epochs else 1)


def study_status(folder: Path) -> StudyStatus:
    """What lies in a study's folder.

    Args:
        folder: Of the study, with `<arm>/seed_<n>` below it.

    Raises:
        ConfigError: It holds neither a run nor `preregistration.json`.
    """
    registered = read_registration(folder)
    names = {arm: found for arm in folder.iterdir() if (found := names_in(arm)) is not None} if folder.is_dir() else {}
    now = {found.earlier: found.now for found in names.values()}
    settled = {} if isinstance(registered, str) else registered[0].arms
    planned = [(now.get(arm, arm), seed) for arm, of_arm in settled.items() for seed in of_arm.seeds]
    begun = {
        (now.get(place.parent.name, place.parent.name), int(place.name.removeprefix("seed_"))): place
        for place in _places(folder)
    }
    if not planned and not begun:
        raise ConfigError(
            f"{folder}: holds neither <arm>/seed_<n> nor {REGISTRATION_FILE}; give the folder of a study, such as "
            "outputs/STUDY"
        )
    arms = list(dict.fromkeys(arm for arm, _ in [*planned, *begun]))
    known = sorted({*planned, *begun}, key=lambda run: (arms.index(run[0]), run[1]))
    runs = (_status(begun.get(run, folder / run[0] / f"seed_{run[1]}"), *run) for run in known)
    return StudyStatus(folder.resolve().name, tuple(runs))


def lines(status: StudyStatus) -> Iterator[str]:
    """The study in a line, then what runs, failed or was stopped, and what waits by arm."""
    parts = [f"{status.count('complete')} of {len(status.runs)} runs complete"]
    parts += [f"{count} {state}" for state in _ORDER[1:] if (count := status.count(state))]
    left = status.remaining_s
    eta = "" if not left else f"; about {duration(left)} left"
    yield f"{status.name}: {', '.join(parts)}{eta}"
    for state in _LISTED:
        for run in status.runs:
            if run.state == state:
                yield f"  {state:11}  {run.name}{_detail(status, run)}"
    waiting: dict[str, list[int]] = {}
    for run in status.runs:
        if run.state == "waiting":
            waiting.setdefault(run.arm, []).append(run.seed)
    for arm, seeds in waiting.items():
        yield f"  waiting      {arm}: seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"


def live_lines(status: StudyStatus) -> list[Line]:
    """As a study's command shows while it runs: the study, and each run at work."""
    runs = [run for run in status.runs if run.state == "running"]
    complete, failed = status.count("complete"), status.count("failed")
    study = study_line(status.name, complete, len(status.runs), failed, status.remaining_s)
    return [study, *(run_line(run.name, run.progress, status.left_of(run)) for run in runs)]


def _detail(status: StudyStatus, run: RunStatus) -> str:
    if run.reason:
        return f": {run.reason}"
    if run.progress is not None:
        return f": {run_line('', run.progress, status.left_of(run)).forms[0]}"
    return f": {run.epochs} of {run.max_epochs} epochs" if run.max_epochs else ""


def _places(folder: Path) -> Iterable[Path]:
    for place in sorted(folder.glob("*/seed_*")):
        own = (
            not place.parent.name.startswith(OF_NO_STUDY)
            and place.name.removeprefix("seed_").isdecimal()
            and place.name.isascii()
        )
        if own and place.is_dir():
            yield place


def _status(place: Path, arm: str, seed: int) -> RunStatus:
    at_work, record = holder(place) is not None, None
    with contextlib.suppress(ConfigError):
        record = read_record(place)
    if record is not None and (record.status == "complete" or not at_work):
        return _recorded(record, arm, seed)
    if not at_work and not place.exists():
        return RunStatus(arm, seed, "waiting")
    epochs, most = _epochs(place)
    progress = read_progress(place) if at_work else None
    return RunStatus(arm, seed, "running" if at_work else "begun", epochs, most, progress=progress)


def _recorded(record: Record, arm: str, seed: int) -> RunStatus:
    took = record.volatile.total_s if record.status == "complete" and not record.volatile.resumes else None
    reason = failure_of(record).reason if record.status == "failed" else ""
    most = _most(record.config)
    return RunStatus(arm, seed, record.status, len(record.curves), most, took, reason)


def _epochs(place: Path) -> tuple[int, int | None]:
    """Epochs that a run's curves hold, and those that it is to train."""
    epochs, most = 0, None
    with contextlib.suppress(OSError, ValueError, csv.Error):
        epochs = sum(1 for _ in csv.DictReader(io.StringIO(read_regular(place / CURVES_FILE, _LARGEST).decode())))
    with contextlib.suppress(OSError, ValueError, yaml.YAMLError):
        config = yaml.safe_load(read_regular(place / CONFIG_FILE, _LARGEST))
        most = _most(config) if isinstance(config, dict) else None
    return epochs, most


def _most(config: Mapping[str, object]) -> int | None:
    trainer = config.get("trainer")
    most = trainer.get("max_epochs") if isinstance(trainer, Mapping) else None
    return most if isinstance(most, int) else None
