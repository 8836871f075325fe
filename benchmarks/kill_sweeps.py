"""Kill sweeps at random moments, give the same command again, and compare all with a sweep that was left alone; and let
two sweeps of one study run at once.

    .venv/bin/python -m benchmarks.kill_and_resume --sweeps

Every process is a real one, started as a user would start it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SWEEP = ("source=tin200,random", "seed=0,1", "hydra.launcher.n_jobs=2")
"""Two arms of two seeds, two runs at a time."""

VICTIMS = ("launcher", "group", "child")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)

_RUNS = 4
_POLL_S = 0.02
_LEAVES_WITHIN_S = 5.0
_EARLY = 0.25
"""Which part of the moments is drawn from the time before the first checkpoint."""


@dataclass
class KilledSweep:
    """A sweep that was struck, and what the same command then made of it.

    Attributes:
        victim: Who got the signal.
        signal: Its name.
        at: Seconds after the start.
        checkpoints: How many of the runs had a checkpoint by then.
        exit_code: Of the launcher, as a shell gives it.
        orphans: Processes of runs that were still there 5 s after the launcher's end.
        complete: Runs that were complete before the repetition.
        trained: Runs that the repetition brought to their end.
        wrong: What differs from the sweep that was left alone, or was trained again.
    """

    victim: str
    signal: str
    at: float
    checkpoints: int
    exit_code: int
    orphans: int
    complete: int
    trained: int
    wrong: list[str] = field(default_factory=list)

    def row(self) -> tuple[str, ...]:
        """As the table's cells."""
        return (
            self.victim,
            self.signal,
            f"{self.at:.1f} s",
            str(self.checkpoints),
            str(self.exit_code),
            str(self.orphans),
            str(self.complete),
            str(self.trained),
            "; ".join(self.wrong) or "yes",
        )


@dataclass
class TwoSweeps:
    """Two sweeps at once: how much later the second began, exit codes, the runs that each trained, what is wrong."""

    delay: float
    codes: tuple[int, int]
    trained: tuple[int, int]
    wrong: list[str]

    def row(self) -> tuple[str, ...]:
        """As the table's cells."""
        pairs = (f"{a} and {b}" for a, b in (self.codes, self.trained))
        return (f"{self.delay:.1f} s", *pairs, "; ".join(self.wrong) or "yes")


@dataclass(frozen=True)
class Lone:
    """The sweep that was left alone: its folder, and when its first checkpoint and its last run's record were there."""

    folder: Path
    first_checkpoint: float
    end: float


class Sweep:
    """A running sweep; `close` waits for it."""

    def __init__(self, command: Sequence[str], folder: Path, log: str = "log") -> None:
        self.folder = folder
        self.log = folder.with_name(f"{folder.name}.{log}")
        with self.log.open("ab") as file:
            self._said_before = file.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tlbench.train", "-m", *command, f"hydra.sweep.dir={folder}"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.began = time.monotonic()

    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began

    def ends_within(self, seconds: float) -> bool:
        """Wait, at most so long since it began, for its end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(seconds - self.seconds(), 0))
        return self.process.returncode is not None

    def close(self) -> int:
        """Its exit code, as a shell gives it."""
        code = self.process.wait()
        return code if code >= 0 else 128 - code

    def said(self) -> str:
        """What it has printed."""
        return self.log.read_bytes()[self._said_before :].decode(errors="replace")

    def trained(self) -> int:
        """How many runs it brought to their end, by its own account."""
        return sum(": complete after " in line for line in self.said().splitlines() if line.startswith("["))


def measure_kills(
    command: Sequence[str], scratch: Path, lone: Lone, count: int, draw: random.Random
) -> list[KilledSweep]:
    """Kill as many sweeps, each victim with each signal in turn."""
    cases = [(victim, number) for number in SIGNALS for victim in VICTIMS]
    early = int(count * _EARLY)
    kills: list[KilledSweep] = []
    while len(kills) < count:
        victim, number = cases[len(kills) % len(cases)]
        # in turns, so that every victim and every signal gets an early one
        wants_early = early > 0 and len(kills) % max(count // early, 1) == 0
        span = (0.0, lone.first_checkpoint) if wants_early else (lone.first_checkpoint, lone.end)
        kill = _kill(command, scratch / f"killed_{len(kills)}", lone, draw.uniform(*span), wants_early, victim, number)
        if kill is None:
            print("it was over before the signal came; another moment is drawn", flush=True)
            continue
        kills.append(kill)
        print(f"{len(kills)}/{count}", *kill.row(), sep="  ", flush=True)
    return kills


def measure_pairs(
    command: Sequence[str], scratch: Path, lone: Lone, count: int, draw: random.Random
) -> list[TwoSweeps]:
    """Start two sweeps in one study, the second somewhat later, as often."""
    pairs = []
    for number in range(count):
        folder = scratch / f"two_{number}"
        delay = draw.uniform(0, lone.end / 2) if number else 0.0
        first = Sweep(command, folder, "first")
        time.sleep(delay)
        second = Sweep(command, folder, "second")
        codes = first.close(), second.close()
        trained = first.trained(), second.trained()
        wrong = compare(folder, lone.folder)
        if sum(trained) != _RUNS:
            wrong.append(f"{sum(trained)} trainings")
        if _table(first.said()) != _table(second.said()):
            wrong.append("tables differ")
        pairs.append(TwoSweeps(delay, codes, trained, wrong))
        print(f"{number + 1}/{count}", *pairs[-1].row(), sep="  ", flush=True)
        if not wrong:
            shutil.rmtree(folder)
    return pairs


def left_alone(command: Sequence[str], folder: Path) -> Lone:
    """Make the sweep that all others are compared with."""
    sweep = Sweep(command, folder)
    first = end = 0.0
    while not sweep.ends_within(sweep.seconds() + _POLL_S):
        if not first and _checkpoints(folder):
            first = sweep.seconds()
        if not end and len(_complete(folder)) == _RUNS:
            end = sweep.seconds()
    if sweep.close() != 0 or not end or sweep.trained() != _RUNS:
        raise SystemExit(sweep.said())
    return Lone(folder, first, end)


def compare(folder: Path, lone: Path) -> list[str]:
    """In what the runs of a sweep and its summary differ from those of the one that was left alone."""
    wrong = []
    for record in sorted(lone.glob("*/seed_*/record.json")):
        name = record.parent.relative_to(lone)
        found, wanted = (_result(base / name) for base in (folder, lone))
        wrong += [f"{name}: {part}" for part in wanted.keys() | found.keys() if found.get(part) != wanted.get(part)]
    if _summary(folder) != _summary(lone):
        wrong.append("summary.json")
    return sorted(wrong)


def render(kills: Sequence[KilledSweep], pairs: Sequence[TwoSweeps], seed: int, command: Sequence[str]) -> str:
    """The page's section."""
    head = ("struck", "signal", "at", "with a checkpoint", "exit code", "orphans", "complete", "trained then", "equal")
    killed = _markdown(head, [kill.row() for kill in kills])
    two = _markdown(("second began after", "exit codes", "trained", "equal"), [pair.row() for pair in pairs])
    right = sum(not kill.wrong and not kill.orphans for kill in kills)
    late = sum(kill.checkpoints > 0 for kill in kills)
    shared = sum(not pair.wrong for pair in pairs)
    quoted = (f'"{override}"' if "[" in override else override for override in command)
    shown = " \\\n      ".join(("python -m tlbench.train -m", *quoted))
    return f"""## Sweeps

{right} of {len(kills)} sweeps that were struck at a random moment, {late} of them after the first checkpoint, ended
equal to the sweep that was left alone when the same command was given again, trained no run twice, and left no process
behind. Of {len(pairs)} times that two sweeps of one study ran at once, {shared} trained each run once.

    .venv/bin/python -m benchmarks.kill_and_resume --sweeps --kills {len(kills)} --pairs {len(pairs)} --seed {seed}

writes this section. It starts

    {shown}

once, and then again and again, until a signal strikes: the launcher alone, every process of the sweep at once
(“group”), or the run that was started last (“child”; the launcher then goes on with the others, and ends with 1). “With
a checkpoint”: how many of the four runs had one at that moment. “Orphans”: processes of runs that were still there 5 s
after the launcher's end. “Complete”: runs that were complete before the same command was given again, none of whose
files it may touch; “trained then”: those that it brought to their end, which must be all others. “Equal” is bit for
bit: records but for their `volatile` part, `curves.csv`, predictions, tensors of the checkpoints, TensorBoard's
scalars, and `summary.json` but for times.

{killed}

Two sweeps at once in one study; “trained” is how many runs each of them brought to their end. Both print the same
table.

{two}
"""


def _kill(
    command: Sequence[str],
    folder: Path,
    lone: Lone,
    at: float,
    early: bool,
    victim: str,
    number: signal.Signals,
) -> KilledSweep | None:
    """None where no run was left to be struck when the signal was to come."""
    sweep = Sweep(command, folder)
    if not early:  # so long after the first checkpoint as in the sweep that was left alone, however fast this one is
        while not _checkpoints(folder) and not sweep.ends_within(sweep.seconds() + _POLL_S):
            pass
        at += sweep.seconds() - lone.first_checkpoint
    over = sweep.ends_within(at)
    struck = [] if over or len(_complete(folder)) == _RUNS else _strike(sweep, victim, number)
    moment, checkpoints = sweep.seconds(), _checkpoints(folder)
    if not struck:
        sweep.close()
        shutil.rmtree(folder, ignore_errors=True)
        return None
    code = sweep.close()
    ended = time.monotonic()
    while _processes(folder) and time.monotonic() - ended < _LEAVES_WITHIN_S:
        time.sleep(_POLL_S)
    orphans = len(_processes(folder))
    complete = _complete(folder)
    again = Sweep(command, folder)
    wrong = [] if again.close() == 0 else [f"the repetition ended with {again.close()}"]
    if not wrong:
        wrong += compare(folder, lone.folder)
    now = _complete(folder)
    wrong += [f"{name}: written again" for name, files in complete.items() if now.get(name) != files]
    if again.trained() != _RUNS - len(complete):
        wrong.append(f"{again.trained()} trained")
    kill = KilledSweep(victim, number.name, moment, checkpoints, code, orphans, len(complete), again.trained(), wrong)
    if not wrong:
        shutil.rmtree(folder)
    return kill


def _strike(sweep: Sweep, victim: str, number: signal.Signals) -> list[int]:
    """Send the signal; to whom. Nobody where there is no such process at the moment."""
    launcher, runs = sweep.process.pid, _processes(sweep.folder)
    struck = {"launcher": [launcher], "group": [launcher, *runs], "child": runs[-1:]}[victim]
    for process in struck:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)
    return struck


def _processes(folder: Path) -> list[int]:
    """Of the sweep's runs, the one started last at the end."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"{folder}/".encode() in path.read_bytes() and b"hydra.run.dir=" in path.read_bytes():
                found.append((int((path.parent / "stat").read_bytes().rpartition(b")")[2].split()[19]), path))
    return [int(path.parent.name) for _, path in sorted(found)]


def _checkpoints(folder: Path) -> int:
    """How many runs have one, or had one before they were complete."""
    with_one = {path.parent for pattern in ("last.ckpt", "record.json") for path in folder.glob(f"*/seed_*/{pattern}")}
    return len(with_one)


def _complete(folder: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """Complete runs: inode and time of each of their files, but for what they print and what is no result."""
    complete = {}
    for path in folder.glob("*/seed_*/record.json"):
        if json.loads(path.read_bytes())["status"] == "complete":
            files = [p for p in path.parent.iterdir() if p.suffix in (".json", ".csv", ".npz", ".yaml")]
            files += [path.parent / "best.ckpt"]
            complete[str(path.parent)] = {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in files}
    return complete


def _result(folder: Path) -> dict[str, Any]:
    """All that may not depend on where a run was stopped, and what lies in its folder."""
    import numpy as np

    from benchmarks.equal_runs import checkpoint, repeated_steps, scalars

    if not (folder / "record.json").exists():
        return {}
    record = json.loads((folder / "record.json").read_bytes())
    del record["volatile"]
    with np.load(folder / "predictions_test.npz") as file:
        predictions = {key: (value.dtype.str, value.tobytes()) for key, value in file.items()}
    logged = scalars(folder)
    names = sorted(p.name for p in folder.iterdir() if not p.name.startswith(("events.", "previous.ckpt")))
    return {
        **{f"record.{key}": value for key, value in record.items()},
        **{path.name: checkpoint(path) for path in sorted(folder.glob("*.ckpt")) if path.name != "previous.ckpt"},
        "curves.csv": (folder / "curves.csv").read_bytes(),
        "predictions": predictions,
        "TensorBoard": logged,
        "a step twice": repeated_steps(logged),
        "files": names,
    }


def _summary(folder: Path) -> Any:
    path = folder / "summary.json"
    if not path.exists():
        return None
    summary = json.loads(path.read_bytes())
    for arm in summary["arms"]:
        arm.pop("fit_s", None)
    for timed in ("recommendations", "more_seeds", "registration"):
        summary.pop(timed, None)
    for found in summary["times_to_score"]:
        found.pop("seconds")
    return summary


def _table(said: str) -> str:
    """What it printed from the table on."""
    return said[said.rindex(": mean ± standard deviation") :] if ": mean ±" in said else ""


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [("", *head), ("---:", *("---" for _ in head)), *((str(n), *row) for n, row in enumerate(rows, start=1))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
