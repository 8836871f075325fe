"""Kill a run at random moments, go on with the same command, and compare all with a run that was left alone.

    .venv/bin/python -m benchmarks.kill_and_resume
    .venv/bin/python -m benchmarks.kill_and_resume --sweeps     (see benchmarks.kill_sweeps)

Every process is forked from one that has imported tlbench and done nothing else, which spares twenty seconds of
start-up; it has a number of its own, gets real signals and dies of them.
"""

from __future__ import annotations

import argparse
import contextlib
import mmap
import os
import pickle
import random
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = (
    "trainer=cpu",
    "source=tin200",
    "strategy=gradual_unfreezing",
    "strategy.stages=[[head],[layer4],['layer[1-3]',stem]]",
    "trainer.max_epochs=3",
    "data.shots=7",
    "data.batch_size=16",
    "data.val_fraction=0.05",
    "data.test_fraction=0.05",
    "callbacks.checkpoint.every_n_minutes=0.03",
)
"""Three epochs of four steps of ResNet-18 on digits, each in a stage of its own."""

SIGNALS = (signal.SIGKILL, signal.SIGTERM)
_TEXT = 120
_SWEEPS = "## Sweeps\n"


class Trace:
    """What a forked process is doing, in memory that it shares with its parent."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8 + _TEXT)

    def clear(self) -> None:
        """Begin anew."""
        self._write(0, "before training")

    def event(self, text: str) -> None:
        """Something else begins."""
        self._write(self.number + 1, text)

    @property
    def number(self) -> int:
        """How many events there were."""
        number: int = struct.unpack_from("q", self._memory)[0]
        return number

    @property
    def text(self) -> str:
        """The latest."""
        return self._memory[8:].rstrip(b"\0").decode()

    def _write(self, number: int, text: str) -> None:
        self._memory[8:] = text.encode()[:_TEXT].ljust(_TEXT, b"\0")
        struct.pack_into("q", self._memory, 0, number)


@dataclass
class Strike:
    """A signal at a moment: so many seconds after an event's beginning."""

    signal: signal.Signals
    event: int
    delay: float
    moment: str = ""

    def fall(self, process: int, trace: Trace) -> None:
        """Wait for the moment, note it and send the signal."""
        look = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while trace.number < self.event and os.waitid(os.P_PID, process, look) is None:
            time.sleep(0.0005)  # on a faster machine there are fewer checkpoints by time, and the end may come before
        time.sleep(self.delay)
        self.moment = trace.text
        os.kill(process, self.signal)


@dataclass
class Kill:
    """One killed run."""

    moment: str
    signal: str
    exit_code: int
    went_on_from: str
    differing: list[str]


def main() -> int:
    """Measure, print and write the table; 1 if any run differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", action="store_true", help="kill sweeps instead, and run two of them at once")
    parser.add_argument("--kills", type=int, default=20, help="how many runs, or sweeps, are killed (20)")
    parser.add_argument("--pairs", type=int, default=5, help="with --sweeps: how often two run at once (5)")
    parser.add_argument("--seed", type=int, default=0, help="draws the moments (0)")
    parser.add_argument("--write", type=Path, help="where the table goes, such as docs/kill-and-resume.md")
    parser.add_argument(
        "overrides", nargs="*", help="further ones, such as trainer=gpu (where equality is not promised)"
    )
    arguments = parser.parse_args()
    if arguments.sweeps:
        return kill_sweeps(arguments)
    import tlbench.runs.run  # noqa: F401 (once, before all forks)

    with tempfile.TemporaryDirectory() as scratch:
        kills = measure(Path(scratch), arguments.kills, random.Random(arguments.seed), arguments.overrides)
    page = render(kills, arguments.seed, arguments.overrides)
    print(page)
    if arguments.write:
        _, sweeps = sections(arguments.write)
        arguments.write.write_text(page + sweeps)
    return int(any(kill.differing for kill in kills))


def kill_sweeps(arguments: argparse.Namespace) -> int:
    """Measure, print and write the section on sweeps; 1 if anything is not as it should be."""
    from benchmarks.kill_sweeps import SWEEP, left_alone, measure_kills, measure_pairs
    from benchmarks.kill_sweeps import render as render_sweeps

    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored, here and in all sweeps
    draw = random.Random(arguments.seed)
    command = [o for o in (*COMMAND, *SWEEP, *arguments.overrides) if o != "source=tin200"]
    scratch = Path(tempfile.mkdtemp(prefix="kill_sweeps_"))
    print("a sweep that is left alone …", flush=True)
    lone = left_alone(command, scratch / "lone")
    print(f"its first checkpoint after {lone.first_checkpoint:.0f} s, its end after {lone.end:.0f} s", flush=True)
    kills = measure_kills(command, scratch, lone, arguments.kills, draw)
    pairs = measure_pairs(command, scratch, lone, arguments.pairs, draw)
    section = render_sweeps(kills, pairs, arguments.seed, command)
    print(section)
    if arguments.write:
        runs, _ = sections(arguments.write)
        arguments.write.write_text(f"{runs.rstrip()}\n\n{section}")
    wrong = any(kill.wrong or kill.orphans for kill in kills) or any(pair.wrong for pair in pairs)
    if wrong:
        print(f"kept: {scratch}")
    else:
        shutil.rmtree(scratch)
    return int(wrong)


def sections(page: Path) -> tuple[str, str]:
    """What the page says of single runs, and of sweeps."""
    text = page.read_text() if page.exists() else ""
    runs, heading, sweeps = text.partition(_SWEEPS)
    return runs, f"\n{heading}{sweeps}" if heading else ""


def measure(scratch: Path, count: int, moments: random.Random, overrides: Sequence[str]) -> list[Kill]:
    """Train the reference, then kill as many runs, SIGKILL and SIGTERM in turn."""
    trace, whole = Trace(), scratch / "whole"
    print("a run that is left alone …", flush=True)
    began = time.monotonic()
    code, timeline = run(whole, trace, scratch, overrides)
    if code != 0:
        raise SystemExit((scratch / "output").read_text())
    print(f"{len(timeline)} moments in {time.monotonic() - began:.0f} s", flush=True)
    kills: list[Kill] = []
    while len(kills) < count:
        event = moments.randrange(len(timeline))
        strike = Strike(SIGNALS[len(kills) % len(SIGNALS)], event + 1, moments.random() * timeline[event])
        folder = scratch / f"run_{len(kills)}"
        code, _ = run(folder, trace, scratch, overrides, strike)
        if code == 0:
            print("it was over before the signal came; another moment is drawn", flush=True)
        else:
            resumed, _ = run(folder, trace, scratch, overrides)
            lines = (scratch / "output").read_text().splitlines()
            if resumed != 0:
                raise SystemExit("\n".join(lines))
            origin = next(
                (line.split("goes on from ")[1] for line in lines if "goes on from " in line), "the beginning"
            )
            differing = apart(compare, folder, whole)
            kills.append(Kill(strike.moment, strike.signal.name, code, origin.replace(f"{folder}/", ""), differing))
            print(f"{len(kills)}/{count}", *row(kills[-1]), sep="  ", flush=True)
        shutil.rmtree(folder)
    return kills


def run(
    folder: Path, trace: Trace, scratch: Path, overrides: Sequence[str], strike: Strike | None = None
) -> tuple[int, list[float]]:
    """The command in a process of its own, which may be struck.

    Returns:
        The exit code as a shell gives it, and the seconds that each event took, if it came to its end.
    """
    trace.clear()
    process = os.fork()
    if process == 0:
        _child(folder, trace, scratch, overrides)
    if strike is not None:
        strike.fall(process, trace)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        return (code if code >= 0 else 128 - code), []
    return code, pickle.loads((scratch / "timeline").read_bytes())


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """A function's value, computed in a process of its own: the parent of all forks starts no threads."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        with os.fdopen(writer, "wb") as file:
            pickle.dump(function(*arguments), file)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        content = file.read()
    os.wait()
    return pickle.loads(content)


def compare(folder: Path, whole: Path) -> list[str]:
    """In what a run differs from the one left alone, a repeated step in TensorBoard included."""
    from benchmarks.equal_runs import differences, repeated_steps, scalars

    return differences(folder, whole) + [f"{tag} twice" for tag in repeated_steps(scalars(folder))]


def row(kill: Kill) -> tuple[str, ...]:
    """A kill as the table's cells."""
    return kill.moment, kill.signal, str(kill.exit_code), kill.went_on_from, ", ".join(kill.differing) or "yes"


def render(kills: list[Kill], seed: int, overrides: Sequence[str]) -> str:
    """The page with the table."""
    head = ("", "struck in", "signal", "exit code", "went on from", "equal")
    rows: list[tuple[str, ...]] = [head, ("---:", "---", "---", "---:", "---", "---")]
    rows += [(str(number), *row(kill)) for number, kill in enumerate(kills, start=1)]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in rows)
    equal = sum(not kill.differing for kill in kills)
    quoted = (f'"{override}"' if "[" in override else override for override in (*COMMAND, *overrides))
    command = " \\\n      ".join(("python -m tlbench.train", *quoted))
    return f"""# Killed and gone on with

{equal} of {len(kills)} runs that were killed at a random moment ended equal to the run that was left alone.

    .venv/bin/python -m benchmarks.kill_and_resume --kills {len(kills)} --seed {seed}

writes this page. It trains

    {command}

once to its end, and then again and again: each time a signal strikes the process at a moment drawn at random from all
that the run does, somewhere in the middle of it, and the same command goes on. Each of these is a process of its own,
forked from one that has imported tlbench and done nothing else. The exit code is the shell's (128 + the signal).
“Equal” is bit for bit: the record but for its `volatile` part, with curves and metrics; every prediction; every
byte of `best.ckpt` and `curves.csv`; TensorBoard's scalars, none of which has a step twice. Measured
on a machine with 2 CPU cores, which other programs used as well; the moments that a seed gives depend a little on the
machine's speed (one that comes after the run's end is drawn again), the equality does not.

A killed run goes on from its last checkpoint: here one at each epoch's end, and one in the middle of an epoch when
1.8 s have passed. A run that was asked to stop (SIGTERM) has written one first: after the step that was under way, or
at the epoch's end if it was in the epoch's last step or in validation.

{table}
"""


def _child(folder: Path, trace: Trace, scratch: Path, overrides: Sequence[str]) -> None:
    """Never returns."""
    code = 70
    try:
        with (scratch / "output").open("w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        began: list[float] = []
        _watch(trace, began)
        from tlbench.cli.train import main as train

        code = train([*COMMAND, *overrides, f"hydra.run.dir={folder}"])
        ends = [*began[1:], time.monotonic()]
        took = [end - begin for begin, end in zip(began, ends, strict=True)]
        (scratch / "timeline").write_bytes(pickle.dumps(took))
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _watch(trace: Trace, began: list[float]) -> None:
    """Let the trace say what the run does."""
    from tlbench.callbacks.gradual_unfreezing import GradualUnfreezing
    from tlbench.runs.checkpoints import AtomicCheckpointIO
    from tlbench.tasks.classification.task import ClassificationTask

    def note(text: str) -> None:
        trace.event(text)
        began.append(time.monotonic())

    def before(owner: Any, name: str, text: Callable[..., str]) -> None:
        original = getattr(owner, name)

        def noted(*arguments: Any, **options: Any) -> Any:
            note(text(*arguments))
            return original(*arguments, **options)

        setattr(owner, name, noted)

    def step(task: Any) -> str:
        return f"epoch {task.trainer.current_epoch + 1}, step {task.global_step + 1}"

    before(ClassificationTask, "training_step", lambda task, *_: step(task))
    before(
        ClassificationTask, "validation_step", lambda task, *_: f"epoch {task.trainer.current_epoch + 1}, validation"
    )
    before(ClassificationTask, "test_step", lambda *_: "test")
    before(
        GradualUnfreezing,
        "on_train_epoch_start",
        lambda _, trainer, *__: f"epoch {trainer.current_epoch + 1}, its start",
    )
    save = AtomicCheckpointIO.save_checkpoint

    def saved(self: Any, checkpoint: Any, path: Any, **options: Any) -> None:
        at = f"epoch {checkpoint['epoch'] + 1}, after step {checkpoint['global_step']}"
        note(f"{at}, writing {Path(path).name}")
        save(self, checkpoint, path, **options)
        note(f"{at}, {Path(path).name} written")

    AtomicCheckpointIO.save_checkpoint = saved  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    sys.exit(main())
