"""Data sets in the layouts in which exporters and authors give out COCO's JSON, made after the documentation named with
each, not after the reader. Every image shows a red and a blue rectangle; what they are called and where is known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 64, 48
COLOURS = {"red": (220, 20, 20), "blue": (20, 20, 220)}

Box = tuple[int, int, int, int]


def boxes_of(number: int) -> dict[str, Box]:
    """Name → `x1 y1 x2 y2` of the two rectangles of an image, which differ from image to image."""
    x, y = 3 * (number % 8), 2 * (number % 5)
    return {"red": (x, y, x + 20, y + 14), "blue": (x + 21, y + 15, x + 39, y + 33)}


def draw(path: Path, number: int) -> None:
    """Write an image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (WIDTH, HEIGHT), (128, 128, 128))
    for name, (x1, y1, x2, y2) in boxes_of(number).items():
        ImageDraw.Draw(image).rectangle((x1, y1, x2 - 1, y2 - 1), fill=COLOURS[name])
    image.save(path, quality=95)


@dataclass(frozen=True)
class Layout:
    """A data set as somebody gives it out.

    Args:
        source: Where its layout is described.
        files: Split → its JSON file.
        images: Split → folder of its images.
        written: How a file's name is written in the JSON, with {name}, the name without folders.
        name: What images are called, with {i} and {split}.
        categories: Id and name, and supercategory, of each.
        image: What the JSON tells of an image beside id, file_name, width and height.
        box: The keys of an annotation, from its `x y width height`.
        others: File → content.
        crowd: The first image of each split has a crowd over all of it.
        root: What is given to `data.root`, below the folder.
        ids: Id of an image by its number.
        edit: Changes the content of a file.
    """

    source: str
    files: Mapping[str, str]
    images: Mapping[str, str]
    written: str = "{name}"
    name: str = "{split}_{i:03}.jpg"
    categories: Sequence[tuple[int, str, str]] = ((1, "red", "shape"), (2, "blue", "shape"))
    box: Callable[[list[int]], dict[str, Any]] = lambda box: {
        "bbox": box,
        "area": box[2] * box[3],
        "iscrowd": 0,
        "segmentation": [],
    }
    others: Mapping[str, str] = field(default_factory=dict)
    crowd: bool = False
    root: str = ""
    ids: Callable[[int], int | str] = lambda number: number + 1
    each: int = 3


def make(layout: Layout, folder: Path) -> dict[str, dict[str, int]]:
    """Draw a data set; returns split → path of each image → its number."""
    drawn: dict[str, dict[str, int]] = {}
    number = annotation = 0
    for split, file in layout.files.items():
        content: dict[str, Any] = {
            "info": {"description": "", "version": "1.0"},
            "licenses": [{"id": 1, "name": "", "url": ""}],
            "categories": [{"id": of, "name": name, "supercategory": above} for of, name, above in layout.categories],
            "images": [],
            "annotations": [],
        }
        ids = {name: of for of, name, _ in layout.categories}
        drawn[split] = {}
        for i in range(layout.each):
            name = layout.name.format(split=split, i=i)
            path = f"{layout.images[split]}/{name}"
            draw(folder / path, number)
            drawn[split][path] = number
            written = layout.written.format(name=name, split=split)
            image = {"id": layout.ids(number), "file_name": written, "width": WIDTH, "height": HEIGHT}
            content["images"].append(image)
            for of, (x1, y1, x2, y2) in boxes_of(number).items():
                annotation += 1
                own = {"id": annotation, "image_id": image["id"], "category_id": ids[of]}
                content["annotations"].append(own | layout.box([x1, y1, x2 - x1, y2 - y1]))
            number += 1
        if layout.crowd:
            runs = {"size": [HEIGHT, WIDTH], "counts": [0, HEIGHT * WIDTH]}
            content["annotations"].append(
                {
                    "id": 900_000_000 + number,
                    "image_id": content["images"][0]["id"],
                    "category_id": ids["blue"],
                    "bbox": [0, 0, WIDTH, HEIGHT],
                    "area": HEIGHT * WIDTH,
                    "iscrowd": 1,
                    "segmentation": runs,
                }
            )
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(json.dumps(content))
    for other, text in layout.others.items():
        (folder / other).parent.mkdir(parents=True, exist_ok=True)
        (folder / other).write_text(text)
    return drawn


def _polygon(box: list[int]) -> dict[str, Any]:
    x, y, w, h = box
    corners = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    return {"bbox": [float(v) for v in box], "area": float(w * h), "iscrowd": 0, "segmentation": corners}


_THREE = {"train": "train", "val": "valid", "test": "test"}
_CAPTIONS = json.dumps({"images": [{"id": 1}], "annotations": [{"id": 1, "image_id": 1, "caption": "two rectangles"}]})

LAYOUTS = {
    "COCO 2017": Layout(
        "https://cocodataset.org/#format-data",
        {split: f"annotations/instances_{split}2017.json" for split in ("train", "val")},
        {split: f"{split}2017" for split in ("train", "val")},
        name="{i:012}.jpg",
        categories=((1, "red", "shape"), (90, "blue", "shape")),
        box=_polygon,
        crowd=True,
        others={
            **{f"annotations/captions_{split}2017.json": _CAPTIONS for split in ("train", "val")},
            "annotations/person_keypoints_val2017.json": json.dumps(
                {"images": [], "annotations": [{"bbox": [0, 0, 1, 1], "keypoints": [0, 0, 0]}], "categories": []}
            ),
            "annotations/image_info_test2017.json": json.dumps(
                {"images": [{"id": 1, "file_name": "000000000001.jpg"}], "categories": []}
            ),
        },
    ),
    "Roboflow": Layout(
        "https://rfdetr.roboflow.com/latest/learn/train/dataset-formats",
        {split: f"{name}/_annotations.coco.json" for split, name in _THREE.items()},
        _THREE,
        name="photo_{i}_jpg.rf.0a1b2c3d4e5f.jpg",
        categories=((0, "shapes", "none"), (1, "blue", "shapes"), (2, "red", "shapes")),
        others={"README.roboflow.txt": "shapes - v1", "README.dataset.txt": "# shapes > raw"},
        ids=lambda number: number % 3,
    ),
    "CVAT, a task": Layout(
        "https://docs.cvat.ai/docs/dataset_management/formats/format-coco/",
        {"train": "annotations/instances_default.json"},
        {"train": "images"},
        name="frame_{i:06}.PNG",
        box=lambda box: {**_polygon(box), "attributes": {"occluded": False, "rotation": 0.0}},
        each=6,
    ),
    "CVAT, a task, images below their subset": Layout(
        "https://docs.cvat.ai/docs/dataset_management/formats/format-coco/",
        {"train": "annotations/instances_default.json"},
        {"train": "images/default"},
        name="frame_{i:06}.PNG",
        each=6,
    ),
    "CVAT, a project with subsets": Layout(
        "https://docs.cvat.ai/docs/dataset_management/formats/format-coco/",
        {"train": "annotations/instances_Train.json", "val": "annotations/instances_Validation.json"},
        {"train": "images/Train", "val": "images/Validation"},
    ),
    "Label Studio": Layout(
        "https://labelstud.io/guide/export",
        {"train": "project-4-at-2025-01-01-00-00-0a1b2c3d/result.json"},
        {"train": "project-4-at-2025-01-01-00-00-0a1b2c3d/images"},
        written="images\\{name}",
        name="0a1b2c3d-photo_{i}.jpg",
        categories=((0, "blue", ""), (1, "red", "")),
        box=lambda box: {**_polygon(box), "ignore": 0},
        ids=lambda number: number,
        each=6,
    ),
    "Label Studio without images, put beside": Layout(
        "https://labelstud.io/guide/export",
        {"train": "result.json"},
        {"train": "images"},
        written="../../label-studio/data/media/upload/4/{name}",
        name="0a1b2c3d-photo_{i}.jpg",
        each=6,
    ),
    "FiftyOne": Layout(
        "https://docs.voxel51.com/user_guide/export_datasets.html",
        {"train": "labels.json"},
        {"train": "data"},
        categories=((0, "blue", ""), (1, "red", "")),
        box=lambda box: {"bbox": box, "area": box[2] * box[3], "iscrowd": 0, "supercategory": "shape"},
        each=6,
    ),
    "FiftyOne's zoo, splits": Layout(
        "https://docs.luxonis.com/software-v3/ai-inference/model-source/training/luxonis-ml/luxonis-ml-api-reference/"
        "data/parsers/coco_parser",
        {"train": "train/labels.json", "val": "validation/labels.json", "test": "test/labels.json"},
        {"train": "train/data", "val": "validation/data", "test": "test/data"},
    ),
    "Datumaro": Layout(
        "https://openvinotoolkit.github.io/datumaro/stable/docs/data-formats/formats/coco.html",
        {"train": "annotations/instances_train.json", "val": "annotations/instances_val.json"},
        {"train": "images/train", "val": "images/val"},
        written="{split}/{name}",
    ),
    "detectron2's builtin layout of own data": Layout(
        "https://detectron2.readthedocs.io/en/latest/tutorials/datasets.html",
        {"train": "train.json", "val": "val.json"},
        {"train": "train", "val": "val"},
    ),
    "mmdetection, absolute paths of another machine": Layout(
        "https://mmdetection.readthedocs.io/en/latest/advanced_guides/customize_dataset.html",
        {"train": "annotations/train.json", "val": "annotations/val.json", "test": "annotations/test.json"},
        {"train": "train", "val": "val", "test": "test"},
        written="/home/me/mmdetection/data/shapes/{split}/{name}",
    ),
    "AutoGluon": Layout(
        "https://auto.gluon.ai/stable/tutorials/multimodal/object_detection/data_preparation/"
        "convert_data_to_coco_format.html",
        {"train": "annotations/train_labels.json", "val": "annotations/val_labels.json"},
        {"train": "images", "val": "images"},
        name="{split}{i}.png",
    ),
    "Supervisely": Layout(
        "https://raw.githubusercontent.com/supervisely-ecosystem/import-wizard-docs/master/converter_docs/images/coco.md",
        {"train": "project/dataset/annotations/instances.json"},
        {"train": "project/dataset/images"},
        name="{i:04}.png",
        each=6,
    ),
    "labelme2coco, segmentation alone": Layout(
        "https://libraries.io/pypi/labelme2coco",
        {"train": "dataset.json"},
        {"train": "labelme_annot"},
        box=lambda box: {"bbox": [], "segmentation": _polygon(box)["segmentation"], "iscrowd": 0},
        written="tests/data/labelme_annot/{name}",
        each=6,
    ),
    "DocLayNet": Layout(
        "https://github.com/DS4SD/DocLayNet",
        {split: f"COCO/{split}.json" for split in ("train", "val", "test")},
        dict.fromkeys(("train", "val", "test"), "PNG"),
        name="{split}0a3a4532cdd82eb171a3{i}.png",
        others={"JSON/0a3a4532cdd82eb171a3.json": json.dumps({"metadata": {}, "cells": []}), "PDF/a.pdf": "%PDF-1.7"},
    ),
    "TACO": Layout(
        "https://github.com/pedropro/TACO",
        {"train": "data/annotations.json"},
        {"train": "data/batch_1"},
        written="batch_1/{name}",
        name="{i:06}.JPG",
        box=_polygon,
        others={"data/annotations_unofficial.json.part": "", "README.md": "# TACO", ".git/HEAD": "ref: main"},
        each=6,
    ),
}
