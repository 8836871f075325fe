"""What else lies in a run's folder: curves, predictions, configuration, ids; and what lies where a file belongs."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.attacks.attack import Attack, Attacks, Expect, Oracle, Place, Result
from benchmarks.attacks.commands import reading, tool, train
from benchmarks.attacks.oracles import complete, either, refused, right
from benchmarks.attacks.runs import without_record
from benchmarks.attacks.things import IN_THE_WAY

_WRITTEN = (
    "record.json",
    "best.ckpt",
    "last.ckpt",
    "previous.ckpt",
    "curves.csv",
    "config.yaml",
    "predictions_test.npz",
    ".lock",
)


def attacks() -> Attacks:
    """Each file in each state."""
    for name, content in _CURVES.items():
        for reference in ("stopped", "trained"):
            draw = partial(_content, reference, "curves.csv", content)
            yield Attack("an edited curves.csv", f"{name}, {reference} run", draw, (Expect(train(), right("digits")),))
    for name, content in _CONFIGS.items():
        draw = partial(_content, "stopped", "config.yaml", content)
        step = Expect(train(memory_mb=1000, seconds=30), refused("config.yaml|another configuration"))
        yield Attack("a damaged config.yaml of a killed run", name, draw, (step,))
    for name, write in _PREDICTIONS.items():
        draw = partial(_predictions, write)
        spoil = partial(_spoil_predictions, write)
        compared = (_compare_before, spoil, Expect(_COMPARE, either(refused("predictions_test.npz"), _as_before)))
        yield Attack("exchanged predictions", f"{name}, compare", _two_runs, compared)
        oracle: Oracle = either(refused("predictions_test.npz"), complete("run", "agree to"))
        yield Attack("exchanged predictions", f"{name}, evaluate", draw, (Expect(reading()["evaluate"], oracle),))
    for name in ("loggers.json", "evaluation.json"):
        for content in (b"", b"[" * 100_000, b'{"config_hash": 3}', b"\xff"):
            draw = partial(_content, "stopped" if name == "loggers.json" else "digits", name, content)
            command, oracle = (
                (train(), right("digits"))
                if name == "loggers.json"
                else (reading()["evaluate"], complete("run", "agree to"))
            )
            title = f"{name}: {content[:10]!a}"
            yield Attack("other damaged files", title, draw, (Expect(command, oracle),))
    for content in (b"", b"{}", b"[" * 100_000, b"\xff"):
        draw = partial(_content, "digits", "evaluation.json", content)
        command = tool("predict", "run=run", "input=pictures", "output=table.csv", "calibrated=true")
        title = f"calibration {content[:10]!a}"
        yield Attack("other damaged files", title, draw, (Expect(command, refused("evaluation.json|calibrat")),))
    for name in _WRITTEN:
        for what, make in IN_THE_WAY.items():
            draw = partial(_thing, make, name)
            oracle = either(refused(name), right("digits"))
            yield Attack(
                "something where a file belongs", f"{what}, {name}", draw, (Expect(train(seconds=30), oracle),)
            )
    for what, make in IN_THE_WAY.items():
        draw = partial(_thing_as_run, make)
        yield Attack("something where the folder belongs", what, draw, (Expect(train(seconds=30), refused("run")),))


_CURVES = {
    "other numbers": b"epoch,step\n1,999\n",
    "empty": b"",
    "garbage": b"\x00\xff\xfe",
    "a line of a million characters": b"x" * 1_000_000,
    "the last line cut": None,
}

_CONFIGS = {
    "empty": b"",
    "a list": b"[1, 2]\n",
    "garbage": b"\x00\xff\xfe",
    "no YAML": b"a: [\n",
    "code": b"!!python/object/apply:os.mknod ['CODE_RAN']\n",
    "aliases that grow to 9^12": (
        "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    ).encode(),
    "nested 20,000 deep": b"[" * 20_000,
    "interpolations without end": b"a: ${b}\nb: ${a}\n",
}


def _content(reference: str, name: str, content: bytes | None, place: Place) -> None:
    place.copy(reference)
    if reference != "digits":
        without_record()
    path = Path("run", name)
    path.write_bytes(path.read_bytes()[:-7] if content is None else content)


def _objects(path: Path) -> None:
    np.savez(path, probabilities=np.array([object()], dtype=object))


def _huge_header(path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("probabilities.npy", buffer.getvalue())


_PREDICTIONS: dict[str, Callable[[Path], object]] = {
    "objects": _objects,
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\x00\xff" * 300),
    "arrays of other names": lambda path: np.savez(path, x=np.zeros(3)),
    "arrays of 4 TB": _huge_header,
    "a bit flipped": lambda path: path.write_bytes(_flipped(path.read_bytes())),
    "another run's": lambda path: shutil.copy("other/predictions_test.npz", path),
}


def _flipped(content: bytes) -> bytes:
    return content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]


_COMPARE = tool("compare", "run", "other")
_SHOWN = Path("shown before.txt")


def _two_runs(place: Place) -> None:
    place.copy("other")
    Path("run").rename("other")
    place.copy("digits")


def _predictions(write: Callable[[Path], object], place: Place) -> None:
    _two_runs(place)
    _spoil_predictions(write, place)


def _spoil_predictions(write: Callable[[Path], object], _: Place) -> list[str]:
    write(Path("run/predictions_test.npz"))
    return []


def _compare_before(place: Place) -> list[str]:
    """Note what is shown of the good files."""
    outcome = place.start(_COMPARE).wait()
    _SHOWN.write_text(outcome.out)
    return [] if outcome.code == 0 else [f"exit code {outcome.code} before anything was spoiled"]


def _as_before(result: Result) -> list[str]:
    """Exit code 0, and the comparison is what it was."""
    wrong = [] if result.outcome.code == 0 else [f"exit code {result.outcome.code}, wanted 0"]
    same = result.outcome.out == (result.place.folder / _SHOWN).read_text()
    return wrong + ([] if same else ["the comparison is another"])


def _thing(make: Callable[[Path], object], name: str, _: Place) -> None:
    Path("run").mkdir()
    make(Path("run", name))


def _thing_as_run(make: Callable[[Path], object], _: Place) -> None:
    make(Path("run"))
    if Path("run").is_dir():
        shutil.rmtree("run")
        Path("run").write_text("a file\n")
