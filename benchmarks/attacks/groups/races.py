"""Two commands at once where each would write what the other does. Kills are measured by `kill_and_resume`."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.attacks.attack import Attack, Attacks, Oracle, Place, Result, judge
from benchmarks.attacks.command import Command, Outcome, Running
from benchmarks.attacks.commands import reading, tool, train
from benchmarks.attacks.files import snapshot
from benchmarks.attacks.oracles import complete, differences, right, same_file, status_of
from benchmarks.attacks.runs import read_record, without_record

_LONG = train(before=lambda: _slowly())
"""The reference's command, each step of which takes a while."""


def attacks() -> Attacks:
    """Pairs of commands, and one that is stopped while the other works."""
    for delay in (0.0, 0.1, 0.3, 0.6, 1.0, 1.5):
        for reference in ("new", "stopped", "trained"):
            step = partial(_pair, (_LONG, _LONG), delay, _one_trained)
            title = f"{delay:g} s apart, {_FOLDERS[reference]}"
            yield Attack("two equal commands at once", title, partial(_begin, reference), (step,))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        for first in (True, False):
            step = partial(_stop_one, number, first)
            title = f"{'the first' if first else 'the second'}, by {number.name}"
            yield Attack("one of two is stopped", title, partial(_begin, "new"), (step,))
    again = train("rerun=true", before=_slowly)
    step = partial(_pair, (again, again), 0.1, _one_trained)
    yield Attack("two equal commands at once", "rerun=true", partial(_begin, "digits"), (step,))
    other = train("optimizer.lr=0.5", before=_slowly)
    yield Attack(
        "two equal commands at once", "another configuration", partial(_begin, "new"), (partial(_others, other),)
    )
    evaluate, predict, export = (reading()[name] for name in ("evaluate", "predict", "export"))
    for name, pair, oracle in (
        ("evaluate twice", (evaluate, evaluate), _noted("evaluation.json")),
        ("evaluate of two splits", (evaluate, tool("evaluate", "run=run", "split=val")), _two_noted),
        ("predict twice into one file", (predict, predict), same_file("table.csv", "digits", "wanted.csv")),
        ("export twice", (export, export), same_file("weights.safetensors", "digits", "wanted.safetensors")),
        ("evaluate beside predict", (evaluate, predict), same_file("table.csv", "digits", "wanted.csv")),
    ):
        for delay in (0.0, 0.05):
            step = partial(_pair, pair, delay, partial(_both_well, oracle))
            title = f"{name}, {1000 * delay:g} ms apart"
            yield Attack("two tools at once", title, partial(_begin, "digits"), (step,))
    for name, command in reading().items():
        step = partial(_pair, (_LONG, command), 0.5, _read_before)
        yield Attack("a tool beside the training", name, partial(_begin, "pictures"), (step,))
    for folder in ("new", "digits"):
        step = partial(_many, 5)
        yield Attack("five equal commands at once", _FOLDERS[folder], partial(_begin, folder), (step,))


_FOLDERS = {
    "new": "new folder",
    "stopped": "stopped run",
    "trained": "run killed before its test",
    "digits": "complete run",
}

Judge = Callable[[Place, Sequence[Outcome]], list[str]]


def _slowly() -> None:
    """Let each step take 50 ms, so that there is time to get into each other's way."""
    from tlbench.tasks.classification.task import ClassificationTask

    original = ClassificationTask.training_step

    def step(self: ClassificationTask, *arguments: object) -> object:
        time.sleep(0.05)
        return original(self, *arguments)  # type: ignore[arg-type]

    ClassificationTask.training_step = step  # type: ignore[assignment, method-assign]


def _begin(reference: str, place: Place) -> None:
    if reference == "pictures":
        place.copy("digits")
        Path("run").rename("other")
    elif reference != "new":
        place.copy(reference)
        if reference == "stopped":
            without_record()


def _pair(pair: Sequence[Command], delay: float, wanted: Judge, place: Place) -> list[str]:
    running: list[Running] = []
    before = snapshot(place.folder)
    for command in pair:
        running.append(place.start(command))
        time.sleep(delay)
    outcomes = [process.wait() for process in running]
    wrong = [text for outcome in outcomes for text in judge(lambda _: [], Result(place, before, outcome))]
    return wrong or wanted(place, outcomes)


def _one_trained(place: Place, outcomes: Sequence[Outcome]) -> list[str]:
    """One trained; the other was refused in one line that names it, or found the run complete; the run is right."""
    trained = sum(_has_trained(outcome) for outcome in outcomes)
    wrong = [] if trained == 1 else [f"{trained} of {len(outcomes)} trained to the end"]
    for outcome in outcomes:
        if outcome.code == 0:
            continue
        lines = [line for line in outcome.err.splitlines() if line.strip()]
        if outcome.code != 2 or len(lines) != 1 or "process" not in lines[0]:
            wrong.append(f"exit code {outcome.code} with {len(lines)} lines: {outcome.err[-200:]!a}")
    return wrong + differences(place.folder / "run", place.reference("digits") / "run")


def _has_trained(outcome: Outcome) -> bool:
    return outcome.code == 0 and "complete since" not in outcome.out


def _stop_one(number: signal.Signals, stop_first: bool, place: Place) -> list[str]:
    """Whichever is stopped, the other's record stands; the same command then has the right result."""
    first = place.start(_LONG)
    _wait_for(first, "epoch 1/")
    second = place.start(_LONG)
    time.sleep(0.2)
    (first if stop_first else second).send(number)
    outcomes = [first.wait(), second.wait()]
    wrong: list[str] = []
    if not stop_first:
        if outcomes[0].code != 0:
            wrong.append(f"the first ended with {outcomes[0].code}: {outcomes[0].err[-200:]!a}")
        if status_of(place.folder / "run") != "complete":
            wrong.append(f"the record says {status_of(place.folder / 'run')} after the first completed")
    before = snapshot(place.folder)
    again = place.start(train()).wait()
    return wrong + judge(right("digits"), Result(place, before, again))


def _wait_for(process: Running, text: str) -> None:
    until = time.monotonic() + 60
    while text not in process.said and not process.ended() and time.monotonic() < until:
        time.sleep(0.01)


def _others(other: Command, place: Place) -> list[str]:
    """Another configuration's command in a folder where a run is under way is refused; the run is right."""

    def wanted(place: Place, outcomes: Sequence[Outcome]) -> list[str]:
        wrong = (
            [f"exit codes {[o.code for o in outcomes]}, wanted 0 and 2"] if [o.code for o in outcomes] != [0, 2] else []
        )
        return wrong + differences(place.folder / "run", place.reference("digits") / "run")

    return _pair((_LONG, other), 0.5, wanted, place)


def _both_well(oracle: Oracle, place: Place, outcomes: Sequence[Outcome]) -> list[str]:
    return [text for outcome in outcomes for text in oracle(Result(place, snapshot(place.folder), outcome))]


def _noted(name: str) -> Oracle:
    def wanted(result: Result) -> list[str]:
        noted = read_record(result.place.folder / "run")["evaluations"]
        return complete()(result) + ([] if name in noted else [f"{name} is not in the record"])

    return wanted


def _two_noted(result: Result) -> list[str]:
    noted = read_record(result.place.folder / "run")["evaluations"]
    return complete()(result) + ([] if len(noted) == 2 else [f"{len(noted)} evaluations in the record, wanted 2"])


def _read_before(place: Place, outcomes: Sequence[Outcome]) -> list[str]:
    """A run that is not complete is not read; the run is right."""
    codes = [outcome.code for outcome in outcomes]
    wrong = [] if codes == [0, 2] else [f"exit codes {codes}, wanted 0 and 2"]
    return wrong + differences(place.folder / "run", place.reference("digits") / "run")


def _many(count: int, place: Place) -> list[str]:
    return _pair([_LONG] * count, 0.02, partial(_at_most_one_trained), place)


def _at_most_one_trained(place: Place, outcomes: Sequence[Outcome]) -> list[str]:
    trained = sum(_has_trained(outcome) for outcome in outcomes)
    wrong = [] if trained <= 1 else [f"{trained} of {len(outcomes)} trained"]
    codes = {outcome.code for outcome in outcomes}
    wrong += [] if codes <= {0, 2} else [f"exit codes {sorted(map(str, codes))}"]
    return wrong + differences(place.folder / "run", place.reference("digits") / "run")
