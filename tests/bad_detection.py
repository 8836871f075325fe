"""What a user can get wrong in detection, each as a whole command; see `tests.bad_input`."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from tests.bad_input import Case, Harmful
from tests.detecting import QUIET, SMALL, draw_yolo
from tests.ultralytics_files import published_network, write_published

NEW = (*SMALL, *QUIET, "hydra.run.dir=new")
PLAIN = ("source=random", "trainer=cpu", "hydra.run.dir=new")
OWN = (*NEW, "data=yolo", "data.root=frames", "data.val_fraction=0.25")
COCO = (*NEW, "data=coco", "data.root=annotated", "data.val_fraction=0.25")


def draw_boxes() -> None:
    """Frames with boxes as YOLO has them, and some of them as COCO does."""
    draw_yolo(Path("frames"), mess=False)
    images = sorted(Path("frames/images/train").iterdir())[:8]
    Path("annotated/train").mkdir(parents=True)
    for image in images:
        shutil.copy(image, "annotated/train")
    content = {
        "images": [{"id": i, "file_name": f.name, "width": 96, "height": 60} for i, f in enumerate(images)],
        "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": [9, 9, 30, 20]} for i in range(len(images))],
        "categories": [{"id": 1, "name": "stamp"}],
    }
    Path("annotated/train/_annotations.coco.json").write_text(json.dumps(content))


def _row(text: str) -> Callable[[], object]:
    """Add a row to a label file."""

    def add() -> None:
        path = Path("frames/labels/train/frame_001.txt")
        path.write_text(path.read_text() + text + "\n")

    return add


def _yaml(old: str, new: str) -> Callable[[], object]:
    path = Path("frames/data.yaml")
    return lambda: path.write_text(path.read_text().replace(old, new))


def _no_objects_in_val() -> None:
    for path in Path("frames/labels/val").iterdir():
        path.write_text("")


def _no_objects() -> None:
    shutil.rmtree("frames/labels")


def _unreadable() -> None:
    Path("frames/images/train/frame_001.png").write_bytes(b"not an image")


def _no_numbers() -> None:
    for path in [*Path("frames").glob("*/*/frame_*")]:
        path.rename(path.with_name("page" + path.stem[-1] * int(path.stem[-3:]) + "x" + path.suffix))


def _annotation(**changed: object) -> Callable[[], object]:
    """Change the first annotation."""

    def change() -> None:
        path = Path("annotated/train/_annotations.coco.json")
        content = json.loads(path.read_text())
        content["annotations"][0] |= changed
        path.write_text(json.dumps(content))

    return change


def _no_categories() -> None:
    path = Path("annotated/train/_annotations.coco.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "categories": "stamp"}))


def _cut_short() -> None:
    path = write_published(Path("yolo.pt"), published_network(classes=1))
    path.write_bytes(path.read_bytes()[:-1000])


def _another_dictionary() -> None:
    torch.save({"state": torch.zeros(3)}, "yolo.pt")


WEIGHTS = (*OWN, "source=coco", "source.path=yolo.pt")

DETECTION = {
    "a class that the label files do not know": Case(OWN, _row("7 0.5 0.5 0.1 0.1")),
    "a label row of three numbers": Case(OWN, _row("0 0.5 0.5")),
    "a label row with a word": Case(OWN, _row("stamp 0.5 0.5 0.1 0.1")),
    "boxes in pixels in a label file": Case(OWN, _row("0 48 30 20 20")),
    "no names of the classes": Case(OWN, lambda: Path("frames/data.yaml").unlink()),
    "a data.yaml that is not YAML": Case(OWN, _yaml("names: [", "names: [[")),
    "a data.yaml whose number of classes is another": Case(OWN, _yaml("names:", "nc: 3\nnames:")),
    "a data.yaml that names a folder that is not there": Case(OWN, _yaml("val: images/val", "val: images/valid")),
    "COCO's annotations as a YOLO folder": Case((*OWN, "data.root=annotated/train")),
    "no objects in any label file": Case(OWN, _no_objects),
    "no objects in the test split": Case(OWN, _no_objects_in_val),
    "an image with boxes that is none": Case(OWN, _unreadable),
    "a class of boxes that the data lack": Case((*OWN, "data.classes=[stamp,seal]")),
    "blocks of frames whose names have no numbers": Case((*OWN, "data.split=blocked"), _no_numbers),
    "Signature from a folder of another layout": Case((*OWN, "data=signature", "data.root=annotated")),
    "Signature without a copy and a network": Case((*NEW, "data=signature")),
    "an annotation of a category that is not listed": Case(COCO, _annotation(category_id=99)),
    "an annotation without a box": Case(COCO, _annotation(bbox=[1, 2])),
    "a list of annotations without categories": Case(COCO, _no_categories),
    "no folder of boxes given": Case((*COCO, "data.root=null")),
    "an image size that is no multiple of 32": Case((*OWN, "data.image_size=100")),
    "an image size of three numbers": Case((*OWN, "data.image_size=[64,96,3]")),
    "a height and a width of which one is no multiple of 32": Case((*OWN, "data.image_size=[64,100]")),
    "documents without a number of pages": Case((*NEW, "data.pages=null")),
    "pages of data that are files": Case((*OWN, "data.pages=30")),
    "images to classify for detection": Case((*PLAIN, "task=detection", "data=digits")),
    "images with boxes for classification": Case((*PLAIN, "data=yolo", "data.root=frames")),
    "a network for classification with boxes": Case((*OWN, "model=resnet18")),
    "weights for classification with boxes": Case((*OWN, "source=imagenet")),
    "a batch of boxes larger than the data": Case((*OWN, "data.batch_size=100")),
    "ultralytics' weights cut short": Case(WEIGHTS, _cut_short),
    "a pickle in place of ultralytics' weights": Case(
        WEIGHTS, lambda: Path("yolo.pt").write_bytes(pickle.dumps(Harmful()))
    ),
    "a file that ultralytics did not write": Case(WEIGHTS, _another_dictionary),
    "ultralytics' weights that are not here, without a network": Case((*OWN, "source=coco")),
}
"""Each with a row of its name in `docs/bad-input.md`."""
