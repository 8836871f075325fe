"""The runs that two commits are compared by, and what is drawn for them. Each takes seconds on one core."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

_ALL = ("trainer=cpu", "logger.tensorboard=false", "seed=3")
_DIGITS = ("data=digits", "data.shots=6", "data.batch_size=16", "optimizer.warmup_epochs=0", *_ALL)
_PAGES = ("data.pages=24", "data.image_size=96", "data.batch_size=4", "trainer.max_epochs=2", *_ALL)
_BOXES = (
    "task=detection",
    "data.image_size=96",
    "data.batch_size=4",
    "trainer.max_epochs=2",
    "source=documents",
    *_ALL,
)
_IMAGES = ("data.image_size=32", "data.batch_size=8", "trainer.max_epochs=2", "source=tin200", *_ALL)
_FROM_FILES = ("data.cache=none", "data.workers=1")

DRAWN = "drawn"
"""The folder, beside those of the runs, in which the data lie that are drawn."""


@dataclass(frozen=True)
class Case:
    """A run, and what is done with it when it is complete.

    Args:
        name: Of its folder.
        overrides: Of the training's command line.
        inputs: What `predict` is given, below the working folder; None: nothing is predicted.
        exported: Whether `export` and `evaluate` follow.
        after: The case whose run it goes on from.
    """

    name: str
    overrides: Sequence[str]
    inputs: str | None = None
    exported: bool = False
    after: str | None = None


CASES = (
    Case("quickstart", ("+experiment=quickstart", *_DIGITS, "trainer.max_epochs=2"), f"{DRAWN}/folders/test", True),
    Case("cifar_transfer", ("+experiment=cifar_transfer", *_DIGITS, "source=random", "trainer.max_epochs=2")),
    *(
        Case(
            f"strategy_{strategy}",
            ("+experiment=cifar_strategies", *_DIGITS, f"strategy={strategy}", *more, f"trainer.max_epochs={epochs}"),
        )
        for strategy, epochs, more in (
            ("feature_extractor", 2, ()),
            ("head_then_full", 3, ("strategy.head_epochs=1",)),
            ("gradual_unfreezing", 6, ()),
        )
    ),
    Case("chain_source", ("+experiment=chain_source", *_DIGITS, "data.classes=['0','1','2']", "trainer.max_epochs=1")),
    Case(
        "chain_target",
        (
            *("+experiment=chain_target", *_DIGITS, "data.classes=['3','4','5']", "trainer.max_epochs=1"),
            "checkpoint=chain_source",
        ),
        after="chain_source",
    ),
    Case(
        "efficientnet",
        (
            *("+experiment=efficientnet", *_DIGITS, "data.image_size=32", "source=random", "trainer.max_epochs=1"),
            "augmentation=rand_augment",
        ),
    ),
    Case("documents_pretrain", ("+experiment=documents_pretrain", *_PAGES, "data.val_fraction=0.2")),
    Case("quickstart_detection", ("+experiment=quickstart_detection", *_PAGES, "source=documents")),
    Case("image_folder", (*_IMAGES, "data=image_folder", f"data.root={DRAWN}/folders"), f"{DRAWN}/folders/test"),
    Case("image_folder_files", (*_IMAGES, *_FROM_FILES, "data=image_folder", f"data.root={DRAWN}/folders")),
    Case("image_csv", (*_IMAGES, "data=image_csv", f"data.root={DRAWN}/table.csv")),
    Case("yolo", (*_BOXES, "data=yolo", f"data.root={DRAWN}/yolo"), f"{DRAWN}/yolo/images/val", True),
    Case("yolo_files", (*_BOXES, *_FROM_FILES, "data=yolo", f"data.root={DRAWN}/yolo", "strategy=head_then_full")),
    Case("coco", (*_BOXES, "data=coco", f"data.root={DRAWN}/coco", "source=random")),
)


def draw(folder: Path) -> None:
    """Draw the data of all cases: uncompressed images of 8 bits, the same on every machine."""
    drawn = random.Random(0)
    _draw_folders(folder, drawn)
    _draw_boxes(folder, drawn)


def _draw_folders(folder: Path, drawn: random.Random) -> None:
    rows = []
    for split, count in (("train", 12), ("test", 6)):
        for label, shape in (("disc", "ellipse"), ("square", "rectangle")):
            for number in range(count):
                path = Path("folders") / split / label / f"{number:02}.bmp"
                image, _ = _page(drawn, (40, 48), shape)
                _save(image, folder / path)
                rows.append({"path": str(path), "label": label, "split": split})
    with (folder / "table.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["path", "label", "split"])
        table.writeheader()
        table.writerows(rows)


def _draw_boxes(folder: Path, drawn: random.Random) -> None:
    names = ["disc", "square"]
    yolo, coco = folder / "yolo", folder / "coco"
    for split, count in (("train", 20), ("val", 8)):
        content: dict[str, list[dict[str, object]]] = {"images": [], "annotations": []}
        content["categories"] = [{"id": number, "name": name} for number, name in enumerate(names)]
        for number in range(count):
            of = number % 2
            image, (x1, y1, x2, y2) = _page(drawn, (120, 96), ("ellipse", "rectangle")[of])
            width, height = image.size
            _save(image, yolo / "images" / split / f"{number:02}.bmp")
            _save(image, coco / split / f"{number:02}.bmp")
            centre = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
            row = " ".join([str(of), *(f"{value:.6f}" for value in centre)])
            label = yolo / "labels" / split / f"{number:02}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(f"{row}\n" if number % 5 else "")
            content["images"].append({"id": number, "file_name": f"{number:02}.bmp", "width": width, "height": height})
            if number % 5:
                box = [x1, y1, x2 - x1, y2 - y1]
                entry = {"id": len(content["annotations"]), "image_id": number, "category_id": of, "iscrowd": 0}
                content["annotations"].append({**entry, "bbox": box, "area": box[2] * box[3]})
        file = coco / "annotations" / f"instances_{split}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    (yolo / "data.yaml").write_text(f"train: images/train\nval: images/val\nnames: {json.dumps(names)}\n")


def _page(drawn: random.Random, size: tuple[int, int], shape: str) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """An image with one shape, and the shape's box."""
    width, height = size
    image = Image.new("RGB", size, tuple(drawn.randrange(120, 256) for _ in range(3)))
    side = drawn.randrange(min(size) // 3, min(size) // 2)
    x, y = drawn.randrange(2, width - side - 2), drawn.randrange(2, height - side - 2)
    paint: Callable[..., None] = getattr(ImageDraw.Draw(image), shape)
    paint((x, y, x + side, y + side), fill=tuple(drawn.randrange(100) for _ in range(3)))
    return image, (x, y, x + side + 1, y + side + 1)


def _save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
