"""Machines that are not as one expects: no home, full and read-only disks, odd folders, low limits, other locales."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.attacks.attack import Attack, Attacks, Expect, Place, Result
from benchmarks.attacks.command import Command
from benchmarks.attacks.commands import DIGITS, reading, tool, train
from benchmarks.attacks.oracles import complete, differences, either, failed, refused, right


def attacks() -> Attacks:
    """Variables, limits, folders, permissions."""
    for name, environment in _ENVIRONMENTS.items():
        real = name in _REAL
        step = Expect(train(environment=environment, real=real), right("digits"))
        yield Attack("environment variables", name, _nothing, (step,))
    for name, before in _LIMITS.items():
        steps = (
            Expect(train(before=before), either(right("digits"), refused(), failed())),
            Expect(train(), right("digits")),
        )
        yield Attack("limits, then the same command without", name, _nothing, steps)
    for kilobytes in (1, 4, 10, 20, 40, 80):
        full = Expect(
            train(before=partial(_file_size, kilobytes << 10)), refused("run|allowed file size", untrained=False)
        )
        steps = (_or_large_enough(full), Expect(train(), right("digits")))
        yield Attack("a disk that refuses, then the same command", f"files of {kilobytes} kB", _nothing, steps)
    for name, folder in _FOLDERS.items():
        step = Expect(train(run=f"hydra.run.dir={folder}"), _found_anywhere)
        yield Attack("names of folders", f"hydra.run.dir: {name}", _nothing, (step,))
    for name, study in _STUDIES.items():
        step = Expect(Command("train", (*DIGITS, f"study={study}")), either(_found_anywhere, refused()))
        yield Attack("names of folders", f"study: {name}", _nothing, (step,))
    for moment in ("training_step", "validation_step", "test_step"):
        for what in ("removed", "replaced by a file", "moved away"):
            command = train(before=partial(_spoil_at, moment, what))
            step = Expect(command, either(failed("run", status=None), refused("run", untrained=False)))
            yield Attack("a folder that goes while a run is in it", f"{what} in {moment}", _nothing, (step,))
    yield from _read_only()
    umask = Expect(train(before=partial(os.umask, 0o77)), _private)
    yield Attack("limits, then the same command without", "umask 077", _nothing, (umask,))


def _or_large_enough(step: Expect) -> Expect:
    """As it is, or the disk was large enough."""
    return Expect(step.command, either(step.oracle, right("digits")))


def _nothing(_: Place) -> None:
    """An empty folder."""


_ENVIRONMENTS: dict[str, Mapping[str, str | None]] = {
    "HOME unset": {"HOME": None, "XDG_CONFIG_HOME": None, "XDG_CACHE_HOME": None, "TLBENCH_CACHE": None},
    "HOME unwritable": {"HOME": "/proc/x", "XDG_CONFIG_HOME": None, "XDG_CACHE_HOME": None, "TLBENCH_CACHE": None},
    "HOME a file": {"HOME": "/etc/passwd", "XDG_CONFIG_HOME": None, "TLBENCH_CACHE": None},
    "XDG_CONFIG_HOME unwritable": {"XDG_CONFIG_HOME": "/proc/x"},
    "XDG_CONFIG_HOME relative": {"XDG_CONFIG_HOME": "settings"},
    "TLBENCH_CACHE unwritable": {"TLBENCH_CACHE": "/proc/x"},
    "TLBENCH_CACHE a file": {"TLBENCH_CACHE": "/etc/passwd"},
    "TLBENCH_CACHE a device": {"TLBENCH_CACHE": "/dev/null"},
    "TLBENCH_CACHE relative": {"TLBENCH_CACHE": "my cache"},
    "TLBENCH_CACHE empty": {"TLBENCH_CACHE": ""},
    "TMPDIR missing": {"TMPDIR": "/nowhere"},
    "LANG=C": {"LANG": "C", "LC_ALL": "C"},
    "LANG=C, ASCII streams": {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    "COLUMNS=1": {"COLUMNS": "1"},
    "COLUMNS=0": {"COLUMNS": "0"},
    "COLUMNS=many": {"COLUMNS": "many"},
    "TERM=dumb": {"TERM": "dumb"},
    "TERM unset": {"TERM": None},
    "NO_COLOR": {"NO_COLOR": "1"},
    "FORCE_COLOR": {"FORCE_COLOR": ""},
    "PYTHONHASHSEED": {"PYTHONHASHSEED": "7"},
    "PYTHONWARNINGS=default": {"PYTHONWARNINGS": "default"},
    "a proxy that is none": {"https_proxy": "x:y:z"},
    "PATH empty": {"PATH": ""},
    "TZ nonsense": {"TZ": "Mars/Olympus"},
}
_REAL = ("HOME unset", "LANG=C, ASCII streams", "TMPDIR missing", "PYTHONHASHSEED", "PATH empty")
"""What an interpreter looks at when it starts."""


def _limit(which: int, value: int) -> Callable[[], object]:
    return partial(resource.setrlimit, which, (value, value))


_LIMITS: dict[str, Callable[[], object]] = {
    "16 open files": _limit(resource.RLIMIT_NOFILE, 16),
    "24 open files": _limit(resource.RLIMIT_NOFILE, 24),
    "64 open files": _limit(resource.RLIMIT_NOFILE, 64),
    "a stack of 256 kB": _limit(resource.RLIMIT_STACK, 256 << 10),
}


def _file_size(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


_FOLDERS = {
    "a space": "'a b'",
    "letters beyond ASCII": "'üñí☃'",
    "an equals sign": "'k=v'",
    "up and down": "x/../y",
    "a quote": '"it\'s"',
    "a slash at the end": "z/",
    "a dollar": "'a$HOME'",
    "a line break": "'a\nb'",
    "escape codes": "'a\x1b[2Jb'",
    "a dash": "'-x'",
    "a bracket": "'[x]'",
    "a star": "'*'",
    "right to left": "'\u202ex'",
    "200 characters": "n" * 200,
    "hidden": ".hidden",
    "20 deep": "/".join("abcdefghijklmnopqrst"),
}

_STUDIES = {
    "255 characters": "a" * 255,
    "300 characters": "a" * 300,
    "up": "..",
    "here": ".",
    "a space": "'a b'",
    "an equals sign": "'a=b'",
    "a slash": "a/b",
    "an absolute path": "/etc/x",
    "letters beyond ASCII": "ü",
    "a dash": "'-x'",
    "a dollar": "'$x'",
    "a comma": "'a,b'",
    "nothing": "''",
    "a line break": "'a\nb'",
    "escape codes": "'\x1b[2J'",
    "a NUL": "'a\0b'",
}


def _found_anywhere(result: Result) -> list[str]:
    """A complete run, bit for bit the reference's, somewhere below the working folder."""
    if result.outcome.code != 0:
        return [f"exit code {result.outcome.code}, wanted 0"]
    found = list(result.place.folder.rglob("record.json"))
    if len(found) != 1:
        return [f"{len(found)} records, wanted one"]
    wanted = result.place.reference("digits") / "run"
    return [text for text in differences(found[0].parent, wanted) if not text.startswith("record ")]


def _private(result: Result) -> list[str]:
    wrong = right("digits")(result)
    modes = {path.name: path.stat().st_mode & 0o77 for path in (result.place.folder / "run").iterdir()}
    return wrong + [f"{name} can be read by others" for name, mode in modes.items() if mode and name != ".lock"]


def _spoil_at(moment: str, what: str) -> None:
    """Let the run's folder go at a moment, in the process of the run itself."""
    from tlbench.tasks.classification.task import ClassificationTask

    original = getattr(ClassificationTask, moment)
    done: list[bool] = []

    def spoil(task: object, *arguments: object) -> object:
        if not done and (moment != "training_step" or getattr(task, "global_step", 0) == 7):
            done.append(True)
            if what == "moved away":
                Path("run").rename("elsewhere")
            else:
                shutil.rmtree("run")
            if what == "replaced by a file":
                Path("run").write_text("mine\n")
        return original(task, *arguments)

    setattr(ClassificationTask, moment, spoil)


def _read_only() -> Attacks:
    """A run's folder that may be read and not written, by a user who may not override them."""
    for way, command in reading().items():
        if command.function is None:
            said = ("agree to",) if way == "evaluate" else ()
            step = Expect(_without_privileges(command), complete("run", *said))
            yield Attack("read-only folders", way, _closed("digits"), (step,))
    same = Expect(_without_privileges(train()), complete())
    yield Attack("read-only folders", "train, a complete run", _closed("digits"), (same,))
    stopped = Expect(_without_privileges(train()), refused("run"))
    yield Attack("read-only folders", "train, a stopped run", _closed("stopped"), (stopped,))
    new = Expect(_without_privileges(train(run="hydra.run.dir=run/new")), refused("run"))
    yield Attack("read-only folders", "train, a new run in it", _closed("digits"), (new,))
    output = Expect(
        _without_privileges(tool("predict", "run=run", "input=pictures", "output=run/x.csv")), refused("run")
    )
    yield Attack("read-only folders", "predict into it", _closed("digits"), (output,))
    unreadable = Expect(
        _without_privileges(tool("predict", "run=run", "input=pictures", "output=x.csv")), refused("best")
    )
    yield Attack(
        "read-only folders", "a checkpoint that may not be read", _closed("digits", "best.ckpt"), (unreadable,)
    )
    record = Expect(_without_privileges(tool("evaluate", "run=run")), refused("record.json"))
    yield Attack("read-only folders", "a record that may not be read", _closed("digits", "record.json"), (record,))


def _closed(reference: str, unreadable: str | None = None) -> Callable[[Place], None]:
    def draw(place: Place) -> None:
        place.copy(reference)
        if unreadable is not None:
            Path("run", unreadable).chmod(0)
        Path("run").chmod(0o555)

    return draw


def _without_privileges(command: Command) -> Command:
    """The command without root's right to write and read everywhere; files that are root's own are so for it, too."""

    def drop() -> None:
        if os.geteuid() != 0:
            return
        header, none = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0), (ctypes.c_uint32 * 6)()
        if ctypes.CDLL(None, use_errno=True).capset(header, none) != 0:
            raise OSError(ctypes.get_errno(), "capset")

    return replace(command, before=drop)


_CAPABILITIES_3 = 0x20080522
"""The version of the interface of capset(2)."""
