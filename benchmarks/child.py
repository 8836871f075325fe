"""Measurements in processes of their own: what the parent starts, and what the child says. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

BEGAN = "TLBENCH_BENCHMARK_BEGAN"
"""Environment variable of a child: when it was started, in seconds since the epoch."""

_TAIL = 20


class ChildFailed(RuntimeError):
    """A child ended without a result."""


class Channel:
    """A child's way to its parent: a line of JSON on standard output; all else that is printed goes to its log."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def send(self, event: str, **values: Any) -> None:
        """Say something; `event` is `epoch` or `result`."""
        self._out.write(json.dumps({"event": event, **values}) + "\n")
        self._out.flush()


def since_start() -> float:
    """Seconds since the parent started this process."""
    return time.time() - float(os.environ[BEGAN])


def job_of(arguments: list[str]) -> dict[str, Any]:
    """The job that a child was started with."""
    job: dict[str, Any] = json.loads(Path(arguments[0]).read_text())
    return job


def run_child(
    module: str,
    job: Mapping[str, Any],
    folder: Path,
    environment: Mapping[str, str],
    say: Callable[[dict[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Run `python -m module JOB` and wait for it.

    Args:
        module: Its `main` sends one `result`.
        job: Written to a file in `folder`, which the child reads.
        folder: For the job and the child's log.
        environment: Variables that are set for the child, beside those of this process.
        say: Called with every event but the result.

    Raises:
        ChildFailed: It ended without a result; the message has the end of its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, log = folder / "job.json", folder / "log.txt"
    file.write_text(json.dumps(job, indent=2))
    result: dict[str, Any] | None = None
    with log.open("w") as errors:
        command = [sys.executable, "-m", module, str(file)]
        variables = {**os.environ, **environment, BEGAN: str(time.time())}
        variables.pop("PYTHONDONTWRITEBYTECODE", None)  # else each child compiles all modules anew, for 15 s
        with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                event = json.loads(line)
                if event.pop("event") == "result":
                    result = event
                else:
                    say(event)
    if result is None:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL:])
        raise ChildFailed(f"{module} ended with exit code {process.returncode} and without a result:\n{tail}")
    return result


def weights_hash(state: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a state dict: names and values, as float32."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()
