"""`python -m tlbench.train …`, called in this process, and what it says."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import itertools
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

FEW = (
    "trainer=cpu",
    "data.val_fraction=0.05",
    "data.test_fraction=0.05",
    "data.shots=2",
    "data.batch_size=8",
    "optimizer.warmup_epochs=0",
)
"""Digits, two steps an epoch."""

TINY = (*FEW, "trainer.max_epochs=2")

TINY_RANDOM = (*TINY, "source=random", "logger.tensorboard=false")


EVENT_FILES = "tensorboard.summary.writer.event_file_writer._global_uid"


class _Uid:
    """TensorBoard reads event files sorted by name; many runs in one second of one process need numbers that sort."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def get(self) -> str:
        return f"{next(self._numbers):06}"


_uid = _Uid()


@dataclass(frozen=True)
class Outcome:
    """What a command left on the terminal."""

    code: int
    out: str
    err: str

    def one_line(self) -> str:
        """The one line that stderr holds; blank ones count for nothing."""
        assert "Traceback" not in self.out + self.err
        lines = [line for line in self.err.splitlines() if line.strip()]
        assert len(lines) == 1, lines
        return lines[0]


def train(*arguments: str) -> Outcome:
    """`python -m tlbench.train …`, as `call` does it."""
    return call("train", *arguments)


def call(tool: str, *arguments: str) -> Outcome:
    """Call an entry as from a shell: Python's warnings appear on stderr as they do there; the environment stays."""
    main = importlib.import_module(f"tlbench.{tool}").main
    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ))
        stack.enter_context(mock.patch(EVENT_FILES, _uid))
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
        warnings.showwarning = _show
        code = main(list(arguments))
    return Outcome(code, out.getvalue(), err.getvalue())


def snapshot(folder: Path) -> dict[str, str]:
    """Path → SHA-256 of every file below a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _show(message: Any, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
    sys.stderr.write(f"{filename}:{lineno}: {category.__name__}: {message}\n")
