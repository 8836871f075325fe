"""Links in a run's folder that lead to a file of the user's: it stays byte for byte what it was."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from benchmarks.attacks.attack import Attack, Attacks, Expect, Place
from benchmarks.attacks.commands import tool, train
from benchmarks.attacks.oracles import both, ends, untouched

_VICTIM = "precious/victim"
_FILES = (
    "record.json",
    "best.ckpt",
    "last.ckpt",
    "previous.ckpt",
    "config.yaml",
    "curves.csv",
    "predictions_test.npz",
    "loggers.json",
    "console.log",
    "evaluation.json",
    "test_confusion.png",
    "train.log",
    ".record.json.lock",
    ".lock",
    "last.ckpt.damaged",
    "model.onnx",
)
_FOLDERS = ("previous_1", "previous_2", ".hydra", "events")


def attacks() -> Attacks:
    """Links of each name, with each command that writes."""
    survived = both(ends(0, 1, 2), untouched(_VICTIM, "precious/more/file"))
    commands = {
        "train": train(),
        "train rerun=true": train("rerun=true"),
        "evaluate": tool("evaluate", "run=run"),
        "predict into the run": tool("predict", "run=run", "input=pictures", "output=run/table.csv"),
        "export into the run": tool("export", "run=run", "output=run/weights.safetensors"),
    }
    for name in _FILES:
        for reference in ("digits", "stopped"):
            for way, command in commands.items():
                if reference == "digits" or way == "train":
                    title = f"{name}, {way}, {'complete' if reference == 'digits' else 'stopped'} run"
                    yield Attack("links to a file", title, _linked(reference, name), (Expect(command, survived),))
    for name in _FOLDERS:
        for way in ("train", "train rerun=true"):
            draw = _linked("digits" if "rerun" in way else "stopped", name, folder=True)
            yield Attack("links to a folder", f"{name}, {way}", draw, (Expect(commands[way], survived),))
    for name in ("table.csv", "weights.safetensors"):
        way = "predict into the run" if name == "table.csv" else "export into the run"
        for hard in (False, True):
            draw = _linked("digits", name, hard=hard)
            kind = "hard links to a file" if hard else "links to a file"
            yield Attack(kind, f"{name}, {way}", draw, (Expect(commands[way], survived),))
    for name in ("curves.csv", "record.json", "console.log", "config.yaml", "last.ckpt"):
        draw = _linked("stopped", name, hard=True)
        yield Attack("hard links to a file", f"{name}, train", draw, (Expect(train(), survived),))


def _linked(reference: str, name: str, *, folder: bool = False, hard: bool = False) -> Callable[[Place], None]:
    """A run in which one file is a link; the user's file holds what that file held, where there was one."""

    def draw(place: Place) -> None:
        place.copy(reference)
        Path("precious/more").mkdir(parents=True)
        Path("precious/more/file").write_text("precious\n")
        own, victim = Path("run", name), Path(_VICTIM)
        victim.write_bytes(own.read_bytes() if own.is_file() else b"precious\n")
        own.unlink(missing_ok=True)
        if hard:
            own.hardlink_to(victim)
        else:
            own.symlink_to(os.path.relpath("precious/more" if folder else _VICTIM, "run"))

    return draw
