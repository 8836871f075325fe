"""One command of tlbench as a process of its own, with its own streams, limits and environment, and what it leaves."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NoReturn

CLOSED, NO_READER = "closed", "a pipe that nobody reads"
"""What a standard stream may be, beside a file."""

MORE_MEMORY_MB = 3000
"""Address space that a command may take beyond what it has when it begins."""

ORPHANS_END_S = 5.0
"""Seconds that processes which a command has started may outlive it."""

_POLL_S = 0.01


@dataclass(frozen=True)
class Command:
    """A command line and where it runs.

    Attributes:
        tool: The entry: `train`, `evaluate`, `predict`, `export` or `compare`.
        arguments: Of the command line.
        environment: Variables beside those of the laboratory; None: not set.
        before: Called in the process before the command: sets limits, or changes what the process is.
        seconds: How long it may take.
        memory_mb: How much address space it may take beyond what it has at its beginning; None: no limit.
        real: Whether it is started by its console script, rather than forked from a process that has imported tlbench.
        streams: Descriptor (0, 1, 2) → a file's name, `CLOSED` or `NO_READER`.
        function: What is called instead of the tool; gives the exit code.
    """

    tool: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    before: Callable[[], object] | None = None
    seconds: float = 90.0
    memory_mb: int | None = MORE_MEMORY_MB
    real: bool = False
    streams: Mapping[int, str] = field(default_factory=dict)
    function: Callable[[], int | None] | None = None

    @property
    def script(self) -> Path:
        """The console script."""
        return Path(sys.executable).with_name(f"tlbench-{self.tool}")


@dataclass(frozen=True)
class Outcome:
    """What a command left.

    Attributes:
        code: The exit code as a shell gives it; None: it did not end in time and was killed.
        out, err: What it printed.
        seconds: How long it took.
        orphans: Whether processes that it had started still ran `ORPHANS_END_S` after its end.
    """

    code: int | None
    out: str
    err: str
    seconds: float
    orphans: bool = False


class Running:
    """A command under way.

    Args:
        command: What runs.
        folder: Its working folder.
        streams: A folder for what it prints.
    """

    def __init__(self, command: Command, folder: Path, streams: Path) -> None:
        streams.mkdir(parents=True, exist_ok=True)
        number = len(list(streams.iterdir()))
        self._out, self._err = streams / f"{number}.out", streams / f"{number}.err"
        self._command = command
        self._began = time.monotonic()
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.pid = os.fork()
            if self.pid == 0:
                _become(command, folder, out.fileno(), err.fileno())
        with contextlib.suppress(OSError):
            os.setpgid(self.pid, self.pid)  # whoever is first, so that the group is there from here on

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return self._out.read_text(errors="replace") + self._err.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def ended(self) -> bool:
        """Whether it has come to its end."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait(self) -> Outcome:
        """Wait for its end, or kill it when its time is over; nothing of it is left running."""
        until = self._began + self._command.seconds
        try:
            while not self.ended() and time.monotonic() < until:
                time.sleep(_POLL_S)
            in_time = self.ended()
        except BaseException:
            self._kill_all()
            raise
        seconds = time.monotonic() - self._began
        if not in_time:
            self._kill_all()
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        orphans = in_time and self._has_orphans()
        self._kill_all()
        shell = code if code >= 0 else 128 - code
        return Outcome(shell if in_time else None, _read(self._out), _read(self._err), seconds, orphans)

    def _has_orphans(self) -> bool:
        until = time.monotonic() + ORPHANS_END_S
        while _lives(self.pid):
            if time.monotonic() > until:
                return True
            time.sleep(_POLL_S)
        return False

    def _kill_all(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def run(command: Command, folder: Path, streams: Path) -> Outcome:
    """Run a command to its end."""
    return Running(command, folder, streams).wait()


def import_tools() -> None:
    """Import everything that the tools use, once, before all forks."""
    for tool in ("train", "evaluate", "predict", "export", "compare"):
        importlib.import_module(f"tlbench.{tool}")
    for name in (
        "tlbench.runs.run",
        "tlbench.tools.evaluate",
        "tlbench.tools.predict",
        "tlbench.tasks.classification.predictor",
        "tlbench.tools.weights_file",
        "tlbench.pictures.figures",
        "matplotlib.pyplot",
    ):
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return any(_group_of(pid) == group for pid in _pids())  # not those that have ended and nobody has asked about


def _pids() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _group_of(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[2])


def _read(path: Path) -> str:
    return path.read_bytes()[: 1 << 22].decode(errors="replace")


def _become(command: Command, folder: Path, out: int, err: int) -> NoReturn:
    """The forked process: be the command."""
    code: int | None = 70
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        for name, value in command.environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        _direct(command.streams, out, err)
        if command.memory_mb is not None:
            limit = _address_space() + (command.memory_mb << 20)
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if command.before is not None:
            command.before()
        if command.real:
            os.execv(command.script, [str(command.script), *command.arguments])
        _open_streams()
        sys.argv = [f"tlbench-{command.tool}", *command.arguments]
        code = _call(command)
    except BaseException:
        code = 70
        with contextlib.suppress(BaseException):
            os.write(err, traceback.format_exc().encode(errors="replace"))
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BaseException):
                stream.flush()
        os._exit(0 if code is None else code)


def _call(command: Command) -> int | None:
    try:
        if command.function is not None:
            return command.function()
        code: int | None = importlib.import_module(f"tlbench.{command.tool}").main()
        return code
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1


def _direct(streams: Mapping[int, str], out: int, err: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    for number, otherwise in ((0, null), (1, out), (2, err)):
        wanted = streams.get(number)
        if wanted is None:
            os.dup2(otherwise, number)
        elif wanted == CLOSED:
            with contextlib.suppress(OSError):
                os.close(number)
        elif wanted == NO_READER:
            reader, writer = os.pipe()
            os.close(reader)
            os.dup2(writer, number)
        else:
            os.dup2(os.open(wanted, os.O_RDONLY if number == 0 else os.O_WRONLY), number)


def _open_streams() -> None:
    """Python's own streams, as an interpreter opens them when it starts."""
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        errors = "backslashreplace" if number == 2 else "strict"
        stream: IO[str] | None = None
        with contextlib.suppress(OSError):
            os.fstat(number)
            binary = open(number, "rb" if number == 0 else "wb", closefd=False)  # noqa: SIM115
            stream = io.TextIOWrapper(binary, encoding="utf-8", errors=errors, line_buffering=number == 2)
        setattr(sys, name, stream)


def _address_space() -> int:
    """Bytes of this process's address space."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
