"""Records that are damaged or edited, with everything that reads one."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.attacks.attack import Attack, Attacks, Expect, Place
from benchmarks.attacks.commands import as_source, reading, tool, train
from benchmarks.attacks.oracles import complete, either, quiet, refused, right
from benchmarks.attacks.runs import forge
from benchmarks.attacks.things import UNREADABLE, Make, instead

_RECORD = Path("run/record.json")


def attacks() -> Attacks:
    """Each variant with each command."""
    commands = {
        "train": train(),
        **reading(),
        "compare": tool("compare", "run", "other"),
        "source": as_source(),
    }
    for name, change in {**_CONTENTS, **_EDITED}.items():
        for way, command in commands.items():
            oracle = refused("run")
            if (name, way) == ("an unknown key", "source"):  # which needs little of a record
                oracle = either(oracle, complete("new"))
            yield Attack("a damaged record", f"{name}, {way}", _with(change), (Expect(command, oracle),))
    for name, make in UNREADABLE.items():
        for way, command in commands.items():
            draw = partial(_in_place, make)
            oracle = refused("run")
            if (name, way) == ("a dangling link", "train"):  # as if nothing were there
                oracle = either(oracle, right("digits"))
            yield Attack("no file in the record's place", f"{name}, {way}", draw, (Expect(command, oracle),))
    kind = "an edited record whose hashes agree"
    better = _with_forged(lambda record: record["metrics"].update({"test/oa": 0.99}))
    yield Attack(kind, "a better accuracy, evaluate", better, (Expect(commands["evaluate"], _differs),))
    other = _with_forged(lambda record: record["config"]["optimizer"].update(lr=0.5))
    yield Attack(kind, "another learning rate, train", other, (Expect(train(), refused("another configuration")),))
    longer = _with_forged(lambda record: record["data"].update(class_names=[f"c{i}" for i in range(99)]))
    for way, command in reading().items():
        yield Attack(
            kind, f"more classes than the network has, {way}", longer, (Expect(command, refused("run|class")),)
        )
    failed = _with(lambda text: text.replace(b'"status": "complete"', b'"status": "failed"'))
    for way, command in {**reading(), "source": as_source(), "compare": commands["compare"]}.items():
        yield Attack("a record of a run that failed", way, failed, (Expect(command, refused("complete|failed")),))
    yield Attack("a record of a run that failed", "train", failed, (Expect(train(), complete()),))
    unknown = _with_forged(lambda record: record["data"].update(audit={"x" * 100: {"deep": [[[]]]}}))
    yield Attack(kind, "an audit of nonsense, train", unknown, (Expect(train(), quiet(0, 2)),))


def _differs(result: Any) -> list[str]:
    """`evaluate` says that the numbers are not those of the record, by exit code 1."""
    wrong = [] if result.outcome.code == 1 else [f"exit code {result.outcome.code}, wanted 1"]
    return wrong if "test/oa" in result.outcome.out + result.outcome.err else [*wrong, "test/oa was not named"]


def _with(change: Callable[[bytes], bytes]) -> Callable[[Place], None]:
    def draw(place: Place) -> None:
        _two_runs(place)
        before = _RECORD.read_bytes()
        after = change(before)
        if after == before:
            raise ValueError("the record was not changed")
        _RECORD.write_bytes(after)

    return draw


def _with_forged(change: Callable[[dict[str, Any]], object]) -> Callable[[Place], None]:
    def draw(place: Place) -> None:
        _two_runs(place)
        forge(change)

    return draw


def _in_place(make: Make, place: Place) -> None:
    _two_runs(place)
    instead(make, _RECORD)


def _two_runs(place: Place) -> None:
    place.copy("other")
    Path("run").rename("other")
    place.copy("digits")


def _edited(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def changed(text: bytes) -> bytes:
        record = json.loads(text)
        change(record)
        return json.dumps(record, indent=1, ensure_ascii=False).encode() + b"\n"

    return changed


_CONTENTS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "half": lambda text: text[: len(text) // 2],
    "garbage": lambda _: b"\x00\xff\xfe garbage",
    "a list": lambda _: b"[]",
    "a number": lambda _: b"17",
    "an empty mapping": lambda _: b"{}",
    "nested 100,000 deep": lambda _: b"[" * 100_000,
    "nested mappings 100,000 deep": lambda _: b'{"a":' * 100_000,
    "a number of 5,000 digits": lambda text: text.replace(b'"seed": 0', b'"seed": ' + b"9" * 5000, 1),
    "NaN for a metric": lambda text: text.replace(b'"metrics": {', b'"metrics": {"test/x": NaN,', 1),
    "an infinite metric": lambda text: text.replace(b'"metrics": {', b'"metrics": {"test/x": 1e999,', 1),
    "an unknown key": lambda text: text.replace(b'"status"', b'"unknown": 1, "status"', 1),
    "a byte that is no text": lambda text: text.replace(b'"status"', b'"\xff": 1, "status"', 1),
}

_EDITED: dict[str, Callable[[bytes], bytes]] = {
    "of a newer format": _edited(lambda record: record.update(format=99)),
    "of format 0": _edited(lambda record: record.update(format=0)),
    "of a format that is a text": _edited(lambda record: record.update(format="2")),
    "an edited configuration": _edited(lambda record: record["config"]["optimizer"].update(lr=0.5)),
    "an edited hash": _edited(lambda record: record.update(config_hash="0" * 64)),
    "no configuration": _edited(lambda record: record.pop("config")),
    "a configuration that is a list": _edited(lambda record: record.update(config=[1, 2])),
    "a group that is a list": _edited(lambda record: record["config"].update(data=[1])),
    "a class name that is a number": _edited(lambda record: record["data"].update(class_names=[1] * 10)),
    "metrics that are texts": _edited(lambda record: record["metrics"].update({"test/oa": "good"})),
}
