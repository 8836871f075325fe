"""Lists and annotations: CSV files, data.yaml, YOLO's labels and COCO's JSON that lie, lead out or grow."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.attacks.attack import Attack, Attacks, Expect, Place
from benchmarks.attacks.commands import DETECTION, TABLE, train
from benchmarks.attacks.images import draw
from benchmarks.attacks.oracles import complete, either, refused
from benchmarks.attacks.things import UNREADABLE, Make, instead

_LITTLE_MB = 800
_LISTED = either(refused("list.csv|images|/etc/passwd"), complete("run", "equal images with different labels"))
"""Refused, or read with a warning that two rows name one file."""
_YOLO = (*DETECTION, "data=yolo", "data.root=set")
_COCO = (*DETECTION, "data=coco", "data.root=set")


def attacks() -> Attacks:
    """Each for what reads it."""
    limits: dict[str, Any] = {"memory_mb": _LITTLE_MB, "seconds": 40}
    table, yolo, coco = (train(base=base, **limits) for base in (TABLE, _YOLO, _COCO))
    for name, rows in _ROWS.items():
        yield Attack("CSV files", name, partial(_table, rows), (Expect(table, _LISTED),))
    for name, content in _TABLES.items():
        yield Attack("CSV files", name, partial(_raw_table, content), (Expect(table, refused("list.csv")),))
    for name, make in UNREADABLE.items():
        step = Expect(table, refused("list.csv"))
        yield Attack("CSV files", f"{name} as the list", partial(_thing_as, make, "list.csv", _table_of_good), (step,))
    for name, text in _YAML.items():
        oracle = refused("data.yaml|set|/dev/zero")
        if name in _ELSEWHERE:
            oracle = either(oracle, complete())
        yield Attack("data.yaml", name, partial(_yolo, text), (Expect(yolo, oracle),))
    for name, make in UNREADABLE.items():
        for file in ("data.yaml", "labels/train/0.txt", "images/train/0.png"):
            oracle = refused(Path(file).name)
            if name in ("a folder", "a dangling link") and file.startswith(("labels", "images")):
                oracle = either(oracle, complete())
            draw_thing = partial(_thing_as, make, f"set/{file}", partial(_yolo, _GOOD_YAML))
            yield Attack("no regular file in a YOLO folder", f"{name}, {file}", draw_thing, (Expect(yolo, oracle),))
    for name, label in _LABELS.items():
        oracle = refused("0.txt")
        if name in _HARMLESS:
            oracle = either(oracle, complete())
        yield Attack("YOLO's labels", name, partial(_label, label), (Expect(yolo, oracle),))
    for name, change in _ANNOTATIONS.items():
        oracle = refused("set|/etc/passwd|/dev/zero|nothing.png")
        if name in _HARMLESS:
            oracle = either(oracle, complete())
        yield Attack("COCO's JSON", name, partial(_coco, change), (Expect(coco, oracle),))
    for name, content in _JSON.items():
        step = Expect(coco, refused("_annotations.coco.json"))
        yield Attack("COCO's JSON", name, partial(_raw_coco, content), (step,))
    for name, make in UNREADABLE.items():
        file = "set/train/_annotations.coco.json"
        step = Expect(coco, refused("set"))
        yield Attack("COCO's JSON", name, partial(_thing_as, make, file, _good_coco), (step,))


_HARMLESS = ("full-width digits", "an image of 10^9 × 10^9")
"""What says what was meant, and what nobody asks for."""

# ---- CSV

_GOOD_ROWS = [(f"images/{i}.png", "ab"[i % 2]) for i in range(16)]


def _table(rows: Sequence[tuple[str, str]], _: Place) -> None:
    for i in range(16):
        draw(Path(f"images/{i}.png"), i)
    with Path("list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *_GOOD_ROWS, *rows])


def _table_of_good(place: Place) -> None:
    _table([], place)


def _raw_table(content: bytes, place: Place) -> None:
    _table_of_good(place)
    Path("list.csv").write_bytes(content)


_ROWS = {
    "a path that leads up to nothing": [("../nothing.png", "a")],
    "/etc/passwd": [("/etc/passwd", "a")],
    "/dev/zero": [("/dev/zero", "a")],
    "a file twice by other paths": [("images/../images/0.png", "b")],
    "a NUL in a path": [("images/\0.png", "a")],
    "a path of 5,000 characters": [("x" * 5000, "a")],
    "a path with escape codes": [("images/\x1b[2J\x1b]0;x\x07.png", "a")],
    "a path that ends a line": [("images/\n\n.png", "a")],
    "an empty path": [("", "a")],
    "the folder": [("images", "a")],
}

_TABLES = {
    "empty": b"",
    "no rows": b"path,label\n",
    "a line of 20 MB": b"path,label\n" + b"x" * 20_000_000,
    "garbage": b"\x00\xff\xfe\x00",
    "an open quote": b'path,label\n"images/0.png,a\n' + b"images/1.png,b\n" * 1000,
    "200,000 classes": b"path,label\n" + b"".join(b"images/0.png,c%d\n" % i for i in range(200_000)),
    "UTF-16": "path,label\nimages/0.png,a\n".encode("utf-16"),
    "one class": b"path,label\nimages/0.png,a\nimages/1.png,a\n",
}

# ---- YOLO

_PARTS = "train: images/train\nval: images/val\n"
_GOOD_YAML = f"{_PARTS}names: [a]\n"
_ALIASES = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
_MERGES = "m0: &m0 {k: 1}\n" + "".join(
    f"m{i}: &m{i} {{<<: [*m{i - 1}, *m{i - 1}], k{i}: *m{i - 1}}}\n" for i in range(1, 40)
)

_YAML = {
    "aliases beside": f"{_ALIASES}{_GOOD_YAML}",
    "aliases as names": f"{_ALIASES}{_PARTS}names: *a11\n",
    "aliases as train": f"{_ALIASES}train: *a11\nval: images/val\nnames: [a]\n",
    "aliases as path": f"{_ALIASES}path: *a11\n{_GOOD_YAML}",
    "aliases as names of a mapping": f"{_ALIASES}{_PARTS}names: {{0: *a11}}\n",
    "merges that double": f"{_MERGES}{_PARTS}names: *m39\n",
    "an alias of itself": f"{_PARTS}names: &n [a, *n]\n",
    "nc of a billion": f"{_PARTS}nc: 1000000000\n",
    "nc of 10^30": f"{_PARTS}nc: {10**30}\n",
    "nc below 0": f"{_PARTS}nc: -5\n",
    "nc a billion beside names": f"{_PARTS}nc: 1000000000\nnames: [a]\n",
    "nc a text": f"{_PARTS}nc: many\n",
    "nc infinite": f"{_PARTS}nc: .inf\n",
    "a class of number 99999999999": f"{_PARTS}names: {{0: a, 99999999999: b}}\n",
    "a class of number -1": f"{_PARTS}names: {{0: a, -1: b}}\n",
    "200,000 names": f"{_PARTS}names: [{', '.join(f'c{i}' for i in range(200_000))}]\n",
    "names nested 20,000 deep": f"{_PARTS}names: {'[' * 20_000}",
    "a tag that runs code": f"{_PARTS}names: !!python/object/apply:os.mknod ['../CODE_RAN']\n",
    "a tag that makes an object": f"{_PARTS}names: !!python/object/new:os.mknod ['../CODE_RAN']\n",
    "train that leads up to nothing": "train: ../../../etc\nval: images/val\nnames: [a]\n",
    "train a device": "train: /dev/zero\nval: images/val\nnames: [a]\n",
    "path that leads to /etc": f"path: /etc\n{_GOOD_YAML}",
    "a text of 20 MB": f"{_PARTS}names: ['{'x' * 20_000_000}']\n",
    "empty": "",
    "a list": "[1, 2]\n",
    "a NUL": "train: 'images/\0train'\nval: images/val\nnames: [a]\n",
    "names with line breaks that are no YAML": _PARTS + "names: [a\n\n: b\n",
}

_ELSEWHERE = ("path that leads to /etc",)
"""What lies there does not fit, and what is beside data.yaml does."""


def _yolo(text: str, _: Place) -> None:
    for split in ("train", "val"):
        for i in range(12):
            draw(Path(f"set/images/{split}/{i}.png"), i + 100 * (split == "val"), (64, 64))
            label = Path(f"set/labels/{split}/{i}.txt")
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text("0 0.5 0.5 0.4 0.4\n")
    Path("set/data.yaml").write_text(text)


def _label(content: bytes, place: Place) -> None:
    _yolo(_GOOD_YAML, place)
    Path("set/labels/train/0.txt").write_bytes(content)


def _thing_as(make: Make, name: str, drawing: Callable[[Place], object], place: Place) -> None:
    drawing(place)
    instead(make, Path(name))


_LABELS = {
    "not a number": b"0 nan 0.5 0.4 0.4\n",
    "infinite": b"0 inf 0.5 0.4 0.4\n",
    "a number of 10,000 digits": b"0 0." + b"9" * 10_000 + b"e99999 0.5 0.4 0.4\n",
    "a class of 10^30": f"{10**30} 0.5 0.5 0.4 0.4\n".encode(),
    "a class below 0": b"-1 0.5 0.5 0.4 0.4\n",
    "a class that is not whole": b"0.5 0.5 0.5 0.4 0.4\n",
    "another count of columns": b"0 0.5\n",
    "garbage": b"\x00\xff\xfe\x00",
    "words": b"cat 0.5 0.5 0.4 0.4\n",
    "20 MB of one line": b"0 0.5 0.5 0.4 0.4 " * 1_100_000,
    "full-width digits": "\uff10 0.5 0.5 0.4 0.4\n".encode(),
}

# ---- COCO

Annotations = dict[str, Any]


def _good_coco(_: Place) -> None:
    for split in ("train", "valid"):
        for i in range(6):
            draw(Path(f"set/{split}/{i}.png"), i + 100 * (split == "valid"), (64, 64))
        images = [{"id": i, "file_name": f"{i}.png", "width": 64, "height": 64} for i in range(6)]
        found = [
            {"id": i, "image_id": i, "category_id": 1, "bbox": [5, 5, 20, 20], "area": 400, "iscrowd": 0}
            for i in range(6)
        ]
        content = {"images": images, "annotations": found, "categories": [{"id": 1, "name": "a"}]}
        Path(f"set/{split}/_annotations.coco.json").write_text(json.dumps(content))


def _coco(change: Callable[[Annotations], object], place: Place) -> None:
    _good_coco(place)
    path = Path("set/train/_annotations.coco.json")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def _raw_coco(content: bytes, place: Place) -> None:
    _good_coco(place)
    Path("set/train/_annotations.coco.json").write_bytes(content)


def _image(**changed: Any) -> Callable[[Annotations], object]:
    return lambda content: content["images"][0].update(changed)


def _box(**changed: Any) -> Callable[[Annotations], object]:
    return lambda content: content["annotations"][0].update(changed)


_ANNOTATIONS: dict[str, Callable[[Annotations], object]] = {
    "an image /etc/passwd": _image(file_name="/etc/passwd"),
    "an image /dev/zero": _image(file_name="/dev/zero"),
    "an image that leads up to nothing": _image(file_name="../../nothing.png"),
    "an image of no name": _image(file_name=""),
    "an image whose name is a list": _image(file_name=["0.png"]),
    "an image with a NUL": _image(file_name="0\0.png"),
    "an image of 10^9 × 10^9": _image(file_name="0.png", width=10**9, height="x"),
    "an id twice": _image(id=1),
    "a box that is NaN": _box(bbox=[float("nan")] * 4),
    "a box that is infinite": _box(bbox=[0, 0, float("inf"), 5]),
    "a box of texts": _box(bbox=["a"] * 4),
    "a box of three numbers": _box(bbox=[1, 2, 3]),
    "a box of no image": _box(image_id=999),
    "a box of no category": _box(category_id=999),
    "a category twice": lambda content: content["categories"].append({"id": 1, "name": "b"}),
    "a category without a name": lambda content: content["categories"].append({"id": 2}),
    "a name that is a mapping": lambda content: content["categories"][0].update(name={"a": 1}),
    "200,000 categories": lambda content: content["categories"].extend(
        {"id": i, "name": f"c{i}"} for i in range(2, 200_002)
    ),
    "no images": lambda content: content.pop("images"),
    "images that are a mapping": lambda content: content.update(images={"0": 1}),
    "a number for an image": lambda content: content["images"].append(5),
}

_JSON = {
    "empty": b"",
    "garbage": b"\x00\xff\xfe",
    "nested 100,000 deep": b'{"images": ' + b"[" * 100_000,
    "a number of 100,000 digits": b'{"images": ' + b"9" * 100_000 + b"}",
    "a list": b"[]",
    "cut": b'{"images": [{"id": 1, "file_na',
}
