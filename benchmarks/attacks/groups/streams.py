"""Standard streams that are closed, full, or read by nobody, with what each command is for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from benchmarks.attacks.attack import Attack, Attacks, Expect, Oracle, Place, Result
from benchmarks.attacks.command import CLOSED, NO_READER, Command
from benchmarks.attacks.commands import tool, train
from benchmarks.attacks.oracles import either, right, same_file
from benchmarks.attacks.runs import read_record

_STREAMS: dict[str, Mapping[int, str]] = {
    "stdout closed": {1: CLOSED},
    "stderr closed": {2: CLOSED},
    "stdin closed": {0: CLOSED},
    "all closed": {0: CLOSED, 1: CLOSED, 2: CLOSED},
    "stdout to nobody": {1: NO_READER},
    "stderr to nobody": {2: NO_READER},
    "both to nobody": {1: NO_READER, 2: NO_READER},
    "stdout full": {1: "/dev/full"},
    "stderr full": {2: "/dev/full"},
    "both full": {1: "/dev/full", 2: "/dev/full"},
}
_REAL = ("all closed", "stdout to nobody", "stdout full")
"""Tried also as commands of their own interpreter, which opens its streams itself and flushes them as it leaves."""


def attacks() -> Attacks:
    """Each with training, whose result is in files, and with a table that is printed."""
    commands: dict[str, tuple[str, Command, Oracle]] = {
        "train": ("digits", train(), right("digits")),
        "predict to a file": (
            "digits",
            tool("predict", "run=run", "input=pictures", "output=table.csv"),
            same_file("table.csv", "digits", "wanted.csv"),
        ),
        "export": (
            "digits",
            tool("export", "run=run", "output=weights.safetensors"),
            same_file("weights.safetensors", "digits", "wanted.safetensors"),
        ),
        "evaluate": ("digits", tool("evaluate", "run=run"), _evaluated),
        "predict to stdout": ("digits", tool("predict", "run=run", "input=pictures"), _ended),
        "compare": ("digits", tool("compare", "run", "run"), _ended),
        "a refused command": ("digits", train("optimizer.lr=-1", run="hydra.run.dir=new"), _is_refused),
        "help": ("digits", tool("predict", "--help"), _ended),
    }
    for name, streams in _STREAMS.items():
        for way, (reference, command, oracle) in commands.items():
            draw = _nothing if way == "train" else partial(_copy, reference)
            lost = 1 in streams and streams[1] == "/dev/full" and way not in ("train", "a refused command")
            wanted = either(oracle, _fails) if lost else oracle
            given = replace(command, streams=streams)
            yield Attack("closed, full and broken streams", f"{name}, {way}", draw, (Expect(given, wanted),))
            if name in _REAL and way in ("train", "predict to stdout"):
                step = Expect(replace(given, real=True), wanted)
                yield Attack("closed, full and broken streams", f"{name}, {way}, by its script", draw, (step,))
    for lines in (1, 3):
        step = Expect(_headed(lines), right("digits"))
        yield Attack("closed, full and broken streams", f"train | head -{lines}", _nothing, (step,))


def _nothing(_: Place) -> None:
    """An empty folder."""


def _copy(reference: str, place: Place) -> None:
    place.copy(reference)


def _evaluated(result: Result) -> list[str]:
    """Exit code 0, and the record has the evaluation."""
    wrong = [] if result.outcome.code == 0 else [f"exit code {result.outcome.code}, wanted 0"]
    noted = read_record(result.place.folder / "run")["evaluations"]
    return wrong + ([] if noted else ["no evaluation in the record"])


def _ended(result: Result) -> list[str]:
    """What cannot be shown is not called done where the stream is at fault, nor does anything else happen."""
    return [] if result.outcome.code in (0, 1, 2) else [f"exit code {result.outcome.code}, wanted 0, 1 or 2"]


def _fails(result: Result) -> list[str]:
    """What was asked for is lost, and said so."""
    return [] if result.outcome.code == 1 else [f"exit code {result.outcome.code}, wanted 1"]


def _is_refused(result: Result) -> list[str]:
    """Exit code 2, whoever reads why."""
    return [] if result.outcome.code == 2 else [f"exit code {result.outcome.code}, wanted 2"]


def _headed(lines: int) -> Command:
    """The command with a reader of its output who leaves after some lines."""

    def into_head() -> None:
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.dup2(reader, 0)
            os.close(writer)
            os.close(reader)
            os.execvp("head", ["head", f"-{lines}"])
        os.close(reader)
        os.dup2(writer, 1)
        os.close(writer)

    return train(before=into_head)
