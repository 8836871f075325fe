"""Names of classes and files: with escape codes, line breaks, no UTF-8, formulas; in and out again."""

from __future__ import annotations

import csv
import json
import os
import shutil
from functools import partial
from pathlib import Path

from benchmarks.attacks.attack import Attack, Attacks, Expect, Place, Result
from benchmarks.attacks.commands import IMAGES, reading, tool, train
from benchmarks.attacks.images import draw_folder
from benchmarks.attacks.oracles import complete, either, quiet, refused, status_of

_NAMES = {
    "HTML": "<img src=x onerror=alert(1)>",
    "a comma": "a,b",
    "a quote": 'q"uote',
    "a line break": "new\nline",
    "a carriage return": "new\rline",
    "an equals sign": "k=v",
    "markup": "[red]x",
    "markup that is not closed": "[bold",
    "escape codes": "\x1b[31mred\x1b[2J",
    "a title for the terminal": "\x1b]0;owned\x07",
    "eight-bit escape codes": "\x9b31mred",
    "letters beyond ASCII": "üñí☃",
    "dots": "a..x.",
    "a space": " a b",
    "a dash": "-m",
    "a backslash": "a\\b",
    "an apostrophe": "'",
    "a variable": "$HOME",
    "an interpolation": "${oc.env:HOME}",
    "a format": "%s{0}",
    "right to left": "\u202egnp",
    "of 200 characters": "x" * 200,
    "a formula": "=cmd|' c calc'!A0",
    "a number": "1e5",
    "null": "null",
    "a zero-width space": "a\u200bb",
}


def attacks() -> Attacks:
    """Each as a class and as a file."""
    for name, text in _NAMES.items():
        steps = (
            Expect(train(base=IMAGES), either(partial(_recorded, text), refused())),
            partial(_if_trained, "predict", text),
            partial(_if_trained, "export", text),
        )
        yield Attack("names of classes", name, partial(_class, text), steps)
        for good in (True, False):
            what = "an image" if good else "an unreadable file"
            step = Expect(tool("predict", "run=run", "input=pictures", "output=new.csv"), partial(_rows, good))
            yield Attack("names of files", f"{name}, {what}, predict", partial(_file, text.encode(), good), (step,))
        trained = Expect(train(base=IMAGES), refused())
        yield Attack("names of files", f"{name}, an unreadable file, train", partial(_bad, text.encode()), (trained,))
    for output in ("new.csv", "new.jsonl"):
        step = Expect(tool("predict", "run=run", "input=pictures", f"output={output}"), quiet(0, 1, 2))
        yield Attack("names that are not UTF-8", f"predict {output}", partial(_file, b"\xff\xfe", True), (_lax(step),))
    for name, drawing in {
        "an unreadable file": partial(_bad, b"\xff\xfe"),
        "a copy": partial(_copy, b"\xff\xfe"),
    }.items():
        oracle = either(complete(), refused())
        yield Attack("names that are not UTF-8", f"{name}, train", drawing, (Expect(train(base=IMAGES), oracle),))
    step = Expect(train(base=IMAGES), either(complete(), refused()))
    yield Attack("names that are not UTF-8", "a class, train", _class_of_bytes, (step,))


def _lax(step: Expect) -> Expect:
    """`predict` says on stderr how many images it classified: two lines and no more."""
    return Expect(step.command, lambda result: [] if result.outcome.code in (0, 1, 2) else ["exit code"])


def _class(text: str, _: Place) -> None:
    draw_folder(Path("images"), ("dog", text))


def _file(name: bytes, good: bool, place: Place) -> None:
    place.copy("images")
    target = os.fsencode("pictures/") + name + b".png"
    if good:
        shutil.copy(os.fsencode("pictures/0.png"), target)
    else:
        Path(os.fsdecode(target)).write_bytes(b"no image")


def _bad(name: bytes, place: Place) -> None:
    place.copy("images")
    shutil.rmtree("run")
    Path(os.fsdecode(os.fsencode("images/cat/") + name + b".png")).write_bytes(b"no image")


def _copy(name: bytes, place: Place) -> None:
    place.copy("images")
    shutil.rmtree("run")
    for copy in (name, b"z" + name):
        shutil.copy(b"images/cat/0.png", b"images/cat/" + copy + b".png")


def _class_of_bytes(place: Place) -> None:
    place.copy("images")
    shutil.rmtree("run")
    os.rename(b"images/dog", b"images/d\xffg")  # noqa: PTH104


def _recorded(text: str, result: Result) -> list[str]:
    """The record holds the class as it is called."""
    if complete()(result):
        return complete()(result)
    names = json.loads((result.place.folder / "run/record.json").read_bytes())["data"]["class_names"]
    return [] if text in names else [f"the record's classes are {names!a}"]


def _if_trained(name: str, text: str, place: Place) -> list[str]:
    if status_of(Path("run")) != "complete":
        return []  # it was refused, which the first step has judged
    if not Path("pictures").exists():
        shutil.copytree(place.reference("images") / "pictures", "pictures")
    oracle = partial(_columns, text) if name == "predict" else quiet(0)
    return Expect(reading()[name], oracle)(place)


def _columns(text: str, result: Result) -> list[str]:
    """The table of predictions can be read, and its head names the class, with what is not printable escaped."""
    if result.outcome.code != 0:
        return [f"exit code {result.outcome.code}, wanted 0"]
    with (result.place.folder / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    wrong = (
        [] if len({len(row) for row in rows}) == 1 and len(rows) == 4 else ["the table's rows are of several lengths"]
    )
    head = " ".join(rows[0]) if rows else ""
    escaped = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return wrong + ([] if text in head or escaped in head else [f"the table's head is {head!a}"])


def _rows(good: bool, result: Result) -> list[str]:
    """A row a readable image, and the exit code that goes with it."""
    if result.outcome.code not in ((0,) if good else (0, 1)):
        return [f"exit code {result.outcome.code}"]
    with (result.place.folder / "new.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    wanted = 5 if good else 4
    return [] if len(rows) == wanted else [f"{len(rows)} rows in the table, wanted {wanted}"]
