"""Runs the command in real processes that die at a named moment.

`python -m tests.dying` imports tlbench once, then forks a process for each run that it reads from stdin as a line of
JSON, and answers with a line of how it ended. What is forked is whole: the signal ends it as it would any process.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKPOINT = "last.ckpt"

IMPORTED = (
    *("hydra.main", "sklearn.datasets", "sklearn.metrics", "torch.utils.tensorboard", "torchvision.transforms.v2"),
    *("tlbench.cli.train", "tlbench.runs.run", "tlbench.data.formats.digits"),
    *(f"tlbench.annotations.labels.{name}" for name in ("audit", "batches", "carve")),
    *(f"tlbench.tasks.classification.{name}" for name in ("per_image", "pictures", "task", "wing")),
)
"""What a run comes to import on its way: here it is imported once, not in each process."""


@dataclass(frozen=True)
class End:
    """How a process ended: its exit code, or minus the signal that killed it; and what it printed."""

    code: int
    out: str


class Processes:
    """Starts them one after another; close it at the end."""

    def __init__(self, folder: Path) -> None:
        self._output = folder / "output"
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.dying"],
            cwd=Path(__file__).resolve().parents[1],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, moment: str = "", call: int = 0, number: int = 0) -> End:
        """Run the command; the signal strikes it at the given call (from 1) of the moment."""
        order = {"arguments": arguments, "moment": moment, "call": call, "number": number, "output": str(self._output)}
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return End(int(self._server.stdout.readline()), self._output.read_text())

    def close(self) -> None:
        self._server.communicate()


def _before(owner: Any, name: str, strike: Callable[[], None]) -> None:
    original = getattr(owner, name)

    def struck(*args: Any, **kwargs: Any) -> Any:
        strike()
        return original(*args, **kwargs)

    setattr(owner, name, struck)


def _half_written(strike: Callable[[], None]) -> None:
    """Strike when half of a last.ckpt's bytes are in the file."""
    make, open_handle, handles = tempfile.mkstemp, os.fdopen, set()

    def mkstemp(*args: Any, **kwargs: Any) -> Any:
        handle, path = make(*args, **kwargs)
        if CHECKPOINT in Path(path).name:
            handles.add(handle)
        return handle, path

    def fdopen(handle: int, *args: Any, **kwargs: Any) -> Any:
        file = open_handle(handle, *args, **kwargs)
        if handle not in handles:
            return file
        handles.remove(handle)
        return _Half(file, strike)

    tempfile.mkstemp, os.fdopen = mkstemp, fdopen


class _Half:
    def __init__(self, file: Any, strike: Callable[[], None]) -> None:
        self._file, self._strike = file, strike

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, content: Any) -> None:
        half = len(content) // 2
        self._file.write(content[:half])
        self._file.flush()
        self._strike()
        self._file.write(content[half:])


def _between_renames(strike: Callable[[], None]) -> None:
    """Strike when last.ckpt is previous.ckpt already and its successor is not in its place."""
    replace = Path.replace

    def replaced(self: Path, target: Any) -> Path:
        moved = replace(self, target)
        if self.name == CHECKPOINT:
            strike()
        return moved

    Path.replace = replaced  # type: ignore[method-assign]


def _moments() -> dict[str, Callable[[Callable[[], None]], None]]:
    import tlbench.runs.run
    from tlbench.callbacks.curves import Curves
    from tlbench.callbacks.freezing_audit import FreezingAudit
    from tlbench.tasks.classification.task import ClassificationTask

    return {
        "in an epoch": lambda strike: _before(ClassificationTask, "training_step", strike),
        "in validation": lambda strike: _before(ClassificationTask, "validation_step", strike),
        # after a stage change come two callbacks more before its first step; the audit is the last
        "at an epoch's start": lambda strike: _before(FreezingAudit, "on_train_epoch_start", strike),
        "in a checkpoint's bytes": _half_written,
        "between a checkpoint's renames": _between_renames,
        "after the best checkpoint": lambda strike: _before(Curves, "on_train_epoch_end", strike),
        "before the record": lambda strike: _before(tlbench.runs.run, "write_record", strike),
    }


def _child(order: dict[str, Any]) -> None:
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    calls = 0

    def strike() -> None:
        nonlocal calls
        calls += 1
        if calls == order["call"]:
            os.kill(os.getpid(), order["number"])

    if order["moment"]:
        _moments()[order["moment"]](strike)
    from tlbench.cli.train import main

    code = 70
    try:
        code = main(order["arguments"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    """Fork a process for each line of stdin."""

    import pytest
    from matplotlib.figure import Figure

    from tests.final_state import keep_final_state
    from tests.tiny_network import tiny_network
    from tlbench.networks.build import NETWORKS

    for name in IMPORTED:
        importlib.import_module(name)
    NETWORKS["resnet18"] = tiny_network
    keep_final_state(pytest.MonkeyPatch())
    Figure.draw = lambda *_, **__: None  # type: ignore[method-assign]
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            _child(json.loads(line))
        _, status = os.waitpid(process, 0)
        builtins.print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    serve()
