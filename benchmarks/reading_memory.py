"""What keeping shapes costs, asked for and not: `python -m benchmarks.reading_memory BEFORE [AFTER]`.

Draws a COCO and a YOLO data set of 10,000 tiny images with about 7 polygons of about 25 points each, and reads them
with two commits, of which the second knows shapes: each time in a process of its own, with that commit's tree. Printed
are the peak of the process's memory, the seconds of a core that reading takes, imports apart, and the SHA-256 of the
boxes. Exit code 1: they are not the same.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.arguments import positive

WIDTH, HEIGHT = 64, 48
OBJECTS = 7
"""Of an image, on average."""

POINTS = 25
"""Of a polygon, likewise."""

CLASSES = ("cat", "dog")

READ = """
import hashlib, inspect, json, resource, sys, time
from pathlib import Path
import yaml
import tlbench
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.data.formats.coco.reading import read_coco
from tlbench.data.formats.yolo.files import read_yolo

name, root, shapes = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "shapes"
tree = Path.cwd()
assert Path(tlbench.__file__).is_relative_to(tree), tlbench.__file__
values = yaml.safe_load((tree / "conf" / "data" / f"{name}.yaml").read_text())
values |= {"root": str(root), "limits": yaml.safe_load((tree / "conf/data/limits/default.yaml").read_text())}
del values["defaults"]
values.setdefault("normalisation", {"mean": [0.0] * 3, "std": [1.0] * 3})  # once in this file
read = {"coco": read_coco, "yolo": read_yolo}[name]
if "say" in inspect.signature(read).parameters:  # until one voice took its place
    voice = (lambda line: None, lambda line: None)
else:
    from tlbench.system.voice import SILENT
    voice = (SILENT,)
config = InstanceDataConfig.model_validate(values)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
before, begun = peak(), time.process_time()
train = read(root, config, *voice, **({"shapes": True} if shapes else {})).parts["train"]
seconds, after = time.process_time() - begun, peak()
found = getattr(train, "annotations", train)
digest = hashlib.sha256()
for part in (found.sizes, found.boxes, found.labels, found.starts):
    digest.update(part.numpy().tobytes())
kept = getattr(found, "shapes", None)
result = {"before": before, "peak": after, "seconds": seconds, "sha256": digest.hexdigest(), "boxes": len(found.boxes)}
result["points"] = 0 if kept is None else len(kept.points)
print(json.dumps(result))
"""
"""Reads a data set with the tree in the working folder, and says what it took."""


def objects(images: int) -> Iterator[tuple[int, int, list[tuple[float, float]]]]:
    """Image, class and polygon of each object: points around its middle, hundredths of pixels."""
    draw = random.Random(0)
    for image in range(images):
        for _ in range(draw.randint(1, 2 * OBJECTS - 1)):
            x, y, r = draw.uniform(10, WIDTH - 10), draw.uniform(10, HEIGHT - 10), draw.uniform(4, 10)
            count = draw.randint(POINTS - 10, POINTS + 10)
            reach = [r * draw.uniform(0.7, 1) for _ in range(count)]
            turns = [2 * math.pi * i / count for i in range(count)]
            polygon = [
                (round(x + far * math.cos(turn), 2), round(y + far * math.sin(turn), 2))
                for far, turn in zip(reach, turns, strict=True)
            ]
            yield image, draw.randrange(len(CLASSES)), polygon


def draw_images(folder: Path, images: int) -> None:
    """Grey ones, all the same."""
    folder.mkdir(parents=True)
    file = BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90)).save(file, "PNG")
    for i in range(images):
        (folder / f"{i}.png").write_bytes(file.getvalue())


def draw_coco(root: Path, images: int) -> None:
    """One file; written piece by piece, as a child starts with the peak of its parent."""
    draw_images(root / "images", images)
    with (root / "instances_train.json").open("w") as file:
        listed = [{"id": i, "file_name": f"{i}.png", "width": WIDTH, "height": HEIGHT} for i in range(images)]
        categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES)]
        file.write(f'{{"images": {json.dumps(listed)}, "categories": {json.dumps(categories)}, "annotations": [')
        for number, (image, of, polygon) in enumerate(objects(images)):
            xs, ys = zip(*polygon, strict=True)
            entry = {
                "id": number,
                "image_id": image,
                "category_id": of,
                "iscrowd": 0,
                "bbox": [min(xs), min(ys), round(max(xs) - min(xs), 2), round(max(ys) - min(ys), 2)],
                "segmentation": [[value for point in polygon for value in point]],
            }
            file.write(f"{',' if number else ''}\n{json.dumps(entry)}")
        file.write("]}")


def draw_yolo(root: Path, images: int) -> None:
    """One label file an image."""
    draw_images(root / "images" / "train", images)
    labels = root / "labels" / "train"
    labels.mkdir(parents=True)
    (root / "data.yaml").write_text(f"path: .\ntrain: images/train\nnames: [{', '.join(CLASSES)}]\n")
    for image, of, polygon in objects(images):
        row = " ".join(f"{x / WIDTH:.6f} {y / HEIGHT:.6f}" for x, y in polygon)
        with (labels / f"{image}.txt").open("a") as file:
            file.write(f"{of} {row}\n")


def unpack(commit: str, folder: Path) -> None:
    """The tree of a commit."""
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], check=True, input=archive)


def read(tree: Path, name: str, root: Path, shapes: bool) -> dict[str, Any]:
    """What reading a data set took, and what was read."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "TLBENCH_CACHE": str(root.parent / "cache")}
    command = [sys.executable, "-c", READ, name, str(root), "shapes" if shapes else "boxes"]
    done = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reading_memory", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("before", help="a commit")
    parser.add_argument("after", nargs="?", default="HEAD", help="another, which can keep shapes (HEAD)")
    parser.add_argument("--images", type=positive, default=10_000)
    parser.add_argument("--rounds", type=positive, default=3)
    given = parser.parse_args(arguments)
    same = True
    with tempfile.TemporaryDirectory(prefix="tlbench-reading-") as scratch:
        folder = Path(scratch).resolve()
        for side in ("before", "after"):
            unpack(getattr(given, side), folder / side)
        print("| data | read by | MiB at the peak | of these before reading | s of a core | boxes |")
        print("|---|---|---:|---:|---:|---|")
        for name, draw in (("coco", draw_coco), ("yolo", draw_yolo)):
            draw(folder / name, given.images)
            ways = {"before": ("before", False), "after": ("after", False), "after, with shapes": ("after", True)}
            took: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
            for number in range(given.rounds + 1):
                for way, (side, shapes) in ways.items():
                    found = read(folder / side, name, folder / name, shapes)
                    took[way] += [found] if number else []  # the first fills the system's own cache of files
            for way, rounds in took.items():
                peak, imports, seconds = (_median(rounds, key) for key in ("peak", "before", "seconds"))
                boxes = {f"{one['boxes']}, {one['sha256'][:12]}" for one in rounds}
                same = same and boxes == {f"{one['boxes']}, {one['sha256'][:12]}" for one in took["before"]}
                points = f", {rounds[0]['points']} points" if rounds[0]["points"] else ""
                shown = f"{' and '.join(sorted(boxes))}{points}"
                print(f"| {name} | {way} | {peak:.0f} | {imports:.0f} | {seconds:.2f} | {shown} |", flush=True)
    print("the boxes are the same" if same else "the boxes are NOT the same")
    return 0 if same else 1


def _median(rounds: Sequence[dict[str, Any]], key: str) -> float:
    return float(statistics.median(one[key] for one in rounds))


if __name__ == "__main__":
    sys.exit(main())
