"""Images that change behind the cache's back: exchanged, edited or copied over, size and time kept."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.attacks.attack import Attack, Attacks, Expect, Place, Result, Step
from benchmarks.attacks.commands import DETECTION, IMAGES, tool, train
from benchmarks.attacks.oracles import complete

_TIME = 1_000_000_000


def attacks() -> Attacks:
    """A run before the change, one after it, and one that has no cache: the last two must agree."""
    for name, change in _CHANGES.items():
        for kept in ("memory", "none"):
            base = (*IMAGES, f"data.cache={kept}")
            steps: tuple[Step, ...] = (
                Expect(train(base=base, run="hydra.run.dir=before"), complete("before")),
                partial(_change, change),
                Expect(train(base=base, run="hydra.run.dir=after"), complete("after")),
                Expect(
                    train(base=base, run="hydra.run.dir=cold", environment={"TLBENCH_CACHE": "cold_cache"}), _as_cold
                ),
            )
            yield Attack("images exchanged, size and time kept", f"{name}, cache={kept}", _draw, steps)
    pages = (*DETECTION, "data=yolo", "data.root=set")
    of_pages: tuple[Step, ...] = (
        Expect(train(base=pages, run="hydra.run.dir=before"), complete("before")),
        partial(_change, _exchange_pages),
        Expect(train(base=pages, run="hydra.run.dir=after"), complete("after")),
        Expect(train(base=pages, run="hydra.run.dir=cold", environment={"TLBENCH_CACHE": "cold_cache"}), _as_cold),
    )
    yield Attack("images exchanged, size and time kept", "a YOLO folder", _draw_yolo, of_pages)
    evaluate = tool("evaluate", "run=before")
    for name in ("by rename", "in place"):
        of_evaluate: tuple[Step, ...] = (
            Expect(train(base=IMAGES, run="hydra.run.dir=before"), complete("before")),
            partial(_change, _CHANGES[name]),
            Expect(evaluate, _not_equal),
        )
        yield Attack("images exchanged, size and time kept", f"{name}, evaluate", _draw, of_evaluate)


def _draw(_: Place) -> None:
    """Images without compression, so that all are of one size."""
    for label, name in enumerate(("cat", "dog")):
        for i in range(8):
            _picture(Path(f"images/{name}/{i}.bmp"), 8 * label + i, 40 + 140 * label)


def _picture(path: Path, seed: int, bright: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 40, (20, 20, 3)) + bright
    Image.fromarray(noise.astype(np.uint8)).save(path)
    os.utime(path, (_TIME, _TIME))


def _draw_yolo(_: Place) -> None:
    for split in ("train", "val"):
        for i in range(6):
            path = Path(f"set/images/{split}/{i}.bmp")
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(i + 10 * (split == "val")).integers(0, 255, (64, 64, 3))
            Image.fromarray(noise.astype(np.uint8)).save(path)
            os.utime(path, (_TIME, _TIME))
            label = Path(f"set/labels/{split}/{i}.txt")
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text("0 0.5 0.5 0.4 0.4\n")
    Path("set/data.yaml").write_text("train: images/train\nval: images/val\nnames: [a]\n")


def _change(change: Callable[[], object], _: Place) -> list[str]:
    change()
    return []


def _pairs() -> list[tuple[Path, Path]]:
    return [(Path(f"images/cat/{i}.bmp"), Path(f"images/dog/{i}.bmp")) for i in range(8)]


def _exchange_by_rename() -> None:
    for one, other in _pairs():
        _swap(one, other)


def _swap(one: Path, other: Path) -> None:
    one.rename("kept")
    other.rename(one)
    Path("kept").rename(other)


def _exchange_pages() -> None:
    for i in range(3):
        _swap(Path(f"set/images/train/{i}.bmp"), Path(f"set/images/val/{i}.bmp"))


def _edit_in_place() -> None:
    for one, other in _pairs():
        first, second = one.read_bytes(), other.read_bytes()
        for path, content in ((one, second), (other, first)):
            with path.open("r+b") as file:
                file.write(content)
            os.utime(path, (_TIME, _TIME))


def _copy_over() -> None:
    for one, other in _pairs():
        shutil.copy2(one, "kept")
        shutil.copy2(other, one)
        shutil.copy2("kept", other)


def _exchange_folders() -> None:
    Path("images/cat").rename("kept")
    Path("images/dog").rename("images/cat")
    Path("kept").rename("images/dog")


def _exchange_links() -> None:
    """Folders that are links, turned round."""
    Path("images").rename("store")
    Path("images").mkdir()
    for name, target in (("cat", "dog"), ("dog", "cat")):
        Path("images", name).symlink_to(f"../store/{target}")


def _edit_one_byte() -> None:
    path = Path("images/cat/0.bmp")
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, (_TIME, _TIME))


_CHANGES: dict[str, Callable[[], object]] = {
    "by rename": _exchange_by_rename,
    "in place": _edit_in_place,
    "copied over": _copy_over,
    "folders": _exchange_folders,
    "links to folders": _exchange_links,
    "one byte": _edit_one_byte,
}


def _as_cold(result: Result) -> list[str]:
    """What a warm cache gave is what none gives, and not what was there before."""
    wrong = complete("cold")(result)
    if wrong:
        return wrong
    before, after, cold = (json.loads((result.place.folder / name / "record.json").read_bytes()) for name in _RUNS)
    prints = [record["data"]["fingerprints"] for record in (before, after, cold)]
    if prints[1] != prints[2]:
        wrong.append("the fingerprints are not those of a cold cache")
    if prints[1] == prints[0]:
        wrong.append("the fingerprints are those of before the change")
    if (after["metrics"], after["curves"]) != (cold["metrics"], cold["curves"]):
        wrong.append("metrics or curves are not those of a cold cache")
    return wrong


_RUNS = ("before", "after", "cold")


def _not_equal(result: Result) -> list[str]:
    """`evaluate` sees other images than the run did, and says so."""
    if result.outcome.code == 0:
        return ["called equal to the record, on other images"]
    return [] if result.outcome.code in (1, 2) else [f"exit code {result.outcome.code}"]
