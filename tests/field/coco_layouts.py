"""Data sets in the layouts in which exporters and authors give out COCO's JSON, made after the documentation named with
each, not after the reader. Every image shows a red and a blue rectangle; what they are called and where is known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 64, 48
COLOURS = {"red": (220, 20, 20), "blue": (20, 20, 220)}

Box = tuple[int, int, int, int]
Content = dict[str, Any]


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
        name: What images are called, with {i}, {number} (of the whole set) and {split}; or from i.
        categories: Id and name, and supercategory, of each.
        image: What the JSON tells of an image beside id, file_name, width and height.
        box: The keys of an annotation, from its `x y width height`.
        others: File → content, or what makes it of split → the content of its JSON file.
        crowd: The first image of each split has a crowd over all of it.
        root: What is given to `data.root`, below the folder.
        ids: Id of an image by its number.
        edit: Changes the content of a file.
    """

    source: str
    files: Mapping[str, str]
    images: Mapping[str, str]
    written: str = "{name}"
    name: str | Callable[[int], str] = "{split}_{i:03}.jpg"
    categories: Sequence[tuple[int, str, str | None]] = ((1, "red", "shape"), (2, "blue", "shape"))
    image: Mapping[str, Any] = field(default_factory=dict)
    box: Callable[[list[int]], dict[str, Any]] = lambda box: {
        "bbox": box,
        "area": box[2] * box[3],
        "iscrowd": 0,
        "segmentation": [],
    }
    others: Mapping[str, str | Callable[[Mapping[str, Content]], str]] = field(default_factory=dict)
    crowd: bool = False
    root: str = ""
    ids: Callable[[int], int | str] = lambda number: number + 1
    each: int = 3
    edit: Callable[[Content], Content] = lambda content: content


def make(layout: Layout, folder: Path) -> dict[str, dict[str, int]]:
    """Draw a data set; returns split → path of each image → its number."""
    drawn: dict[str, dict[str, int]] = {}
    contents: dict[str, Content] = {}
    number = annotation = 0
    for split, file in layout.files.items():
        content: Content = {
            "info": {"description": "", "version": "1.0"},
            "licenses": [{"id": 1, "name": "", "url": ""}],
            "categories": [{"id": of, "name": name, "supercategory": above} for of, name, above in layout.categories],
            "images": [],
            "annotations": [],
        }
        ids = {name: of for of, name, _ in layout.categories}
        drawn[split] = {}
        for i in range(layout.each):
            called = layout.name
            name = called.format(split=split, i=i, number=number) if isinstance(called, str) else called(i)
            path = f"{layout.images[split]}/{name}"
            draw(folder / path, number)
            drawn[split][path] = number
            written = layout.written.format(name=name, split=split)
            image = {"id": layout.ids(number), "file_name": written, "width": WIDTH, "height": HEIGHT}
            content["images"].append(image | dict(layout.image))
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
        contents[split] = layout.edit(content)
        (folder / file).write_text(json.dumps(contents[split]))
    for other, text in layout.others.items():
        (folder / other).parent.mkdir(parents=True, exist_ok=True)
        (folder / other).write_text(text if isinstance(text, str) else text(contents))
    return drawn


def _polygon(box: list[int]) -> dict[str, Any]:
    x, y, w, h = box
    corners = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    return {"bbox": [float(v) for v in box], "area": float(w * h), "iscrowd": 0, "segmentation": corners}


def _box(box: list[int]) -> dict[str, Any]:
    """As Datumaro writes a box."""
    return {"segmentation": [], "area": float(box[2] * box[3]), "bbox": [float(v) for v in box], "iscrowd": 0}


def _datumaro(content: Content) -> Content:
    """With what Datumaro writes at a file's top."""
    keys = ("contributor", "date_created", "description", "url", "version", "year")
    own = {"licenses": [{"name": "", "id": 0, "url": ""}], "info": dict.fromkeys(keys, "")}
    return own | {key: content[key] for key in ("categories", "images", "annotations")}


def _label_studio(content: Content) -> Content:
    info = {"year": 2025, "version": "1.0", "description": "", "contributor": "Label Studio", "url": ""}
    categories = [{key: of[key] for key in ("id", "name")} for of in content["categories"]]
    return {
        "images": content["images"],
        "categories": categories,
        "annotations": content["annotations"],
        "info": info | {"date_created": "2025-01-01 00:00:00.000000"},
    }


def _fiftyone(content: Content) -> Content:
    info = {"year": "", "version": "", "description": "Exported from FiftyOne", "contributor": ""}
    info |= {"url": "https://voxel51.com/fiftyone", "date_created": "2025-01-01T00:00:00"}
    return {"info": info, "licenses": []} | {key: content[key] for key in ("categories", "images", "annotations")}


def _detectron2(content: Content) -> Content:
    info = {
        "date_created": "2025-01-01 00:00:00.000000",
        "description": "Automatically generated COCO json file for Detectron2.",
    }
    categories = [{key: of[key] for key in ("id", "name")} for of in content["categories"]]
    own = {key: content[key] for key in ("images", "annotations")}
    return {"info": info, **own, "categories": categories, "licenses": None}


def _mmdetection(content: Content) -> Content:
    categories = [{key: of[key] for key in ("id", "name")} for of in content["categories"]]
    return {"images": content["images"], "annotations": content["annotations"], "categories": categories}


def _via(split: str) -> Callable[[Mapping[str, Content]], str]:
    """What VGG's annotator wrote, of which mmdetection's guide makes the JSON that is read."""

    def make_file(contents: Mapping[str, Content]) -> str:
        shape = {"name": "polygon", "all_points_x": [0, 9, 9], "all_points_y": [0, 0, 9]}
        regions = {"0": {"region_attributes": {}, "shape_attributes": shape}}
        return json.dumps(
            {
                f"{of['file_name']}1115004": {
                    "base64_img_data": "",
                    "file_attributes": {},
                    "filename": of["file_name"],
                    "fileref": "",
                    "regions": regions,
                    "size": 1115004,
                }
                for of in contents[split]["images"]
            }
        )

    return make_file


def _same(split: str) -> Callable[[Mapping[str, Content]], str]:
    return lambda contents: json.dumps(contents[split])


def _and_more(split: str) -> Callable[[Mapping[str, Content]], str]:
    """With an image that is not there."""

    def make_file(contents: Mapping[str, Content]) -> str:
        image, found = contents[split]["images"][0], contents[split]["annotations"][0]
        more = {
            "images": [*contents[split]["images"], image | {"id": 581929, "file_name": "000000581929.jpg"}],
            "annotations": [*contents[split]["annotations"], found | {"id": 2212032, "image_id": 581929}],
        }
        return json.dumps(contents[split] | more)

    return make_file


def _images_alone(split: str) -> Callable[[Mapping[str, Content]], str]:
    return lambda contents: json.dumps({**contents[split], "categories": [], "annotations": []})


def _captions(split: str) -> Callable[[Mapping[str, Content]], str]:
    def make_file(contents: Mapping[str, Content]) -> str:
        images = contents[split]["images"]
        texts = [{"id": 1, "image_id": images[0]["id"], "caption": "two rectangles"}]
        return json.dumps({"images": images, "annotations": texts})

    return make_file


def _taco(content: Content) -> Content:
    places = [{"image_id": image["id"], "background_ids": [1]} for image in content["images"]]
    info = {"year": 2019, "version": None, "description": "TACO", "contributor": None, "url": None}
    return {
        "info": info | {"date_created": "2019-12-19T16:11:15.258399+00:00"},
        "images": content["images"],
        "annotations": content["annotations"],
        "scene_annotations": places,
        "licenses": [],
        "categories": content["categories"],
        "scene_categories": [{"id": 0, "name": "Clean"}, {"id": 1, "name": "Indoor, Man-made"}],
    }


def _taco_unofficial(contents: Mapping[str, Content]) -> str:
    """Of other images, which are fetched by another call alone."""
    image = {"width": 3000, "file_name": "unofficial/000000.jpg", "license": "CC", "id": 0, "height": 4000}
    found = {"category_id": 0, "bbox": [1929.8, 3040.7, 518.8, 431.2], "area": 188457.0, "iscrowd": 0}
    found |= {"segmentation": [[1930, 3091, 2405, 3041, 2449, 3422, 1942, 3472]], "id": 0, "image_id": 0}
    return json.dumps(
        {
            "categories": contents["train"]["categories"],
            "images": [image],
            "info": {"year": 2023, "version": "Unofficial", "description": "TACO", "contributor": ""},
            "scene_categories": contents["train"]["scene_categories"],
            "scene_annotations": [{"image_id": 0, "background_ids": [0]}],
            "annotations": [found],
        }
    )


_DATUMARO = {"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0}
_ZOO: dict[str, str | Callable[[Mapping[str, Content]], str]] = {
    "info.json": json.dumps({"name": "coco-2017", "zoo_dataset": "fiftyone.zoo.datasets.base.COCO2017Dataset"}),
    "raw/captions_train2017.json": _captions("train"),
    "raw/captions_val2017.json": _captions("val"),
}
_PAGES = [f"{number:064x}" for number in range(9)]
_THREE = {"train": "train", "val": "valid", "test": "test"}
_CAPTIONS = json.dumps({"images": [{"id": 1}], "annotations": [{"id": 1, "image_id": 1, "caption": "two rectangles"}]})

# what several layouts of one tool share
_of_datumaro = partial(Layout, categories=((1, "red", ""), (2, "blue", "")), image=_DATUMARO, edit=_datumaro)
_of_label_studio = partial(
    Layout,
    "https://labelstud.io/guide/export",
    name="0a1b2c3d-photo_{i}.jpg",
    categories=((0, "blue", ""), (1, "red", "")),
    ids=lambda number: number,
    each=6,
    edit=_label_studio,
)
_of_the_zoo = partial(
    Layout,
    "https://github.com/voxel51/fiftyone/blob/develop/fiftyone/utils/coco.py",
    {"train": "train/labels.json", "val": "validation/labels.json"},
    {"train": "train/data", "val": "validation/data"},
    name="{number:012}.jpg",
    categories=((1, "red", "shape"), (90, "blue", "shape")),
    box=_polygon,
)
_of_taco = partial(
    Layout,
    files={"train": "data/annotations.json"},
    images={"train": "data"},
    name=lambda i: f"batch_{1 + i // 2}/{i:06}.{'JPG' if i % 2 else 'jpg'}",
    categories=((0, "red", "shape"), (1, "blue", "shape")),
    image={"license": None, "flickr_url": "https://farm66.staticflickr.com/0_o.png", "coco_url": None},
    box=_polygon,
    ids=lambda number: number,
    each=6,
    edit=_taco,
)

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
    # cvat-ai/cvat site/content/en/docs/dataset_management/formats/format-coco.md; it is written by cvat-ai/datumaro
    # datumaro/plugins/coco_format/converter.py
    "CVAT, a task": _of_datumaro(
        "https://docs.cvat.ai/docs/dataset_management/formats/format-coco/",
        {"train": "annotations/instances_default.json"},
        {"train": "images/default"},
        name="frame_{i:06}.PNG",
        box=lambda box: {**_box(box), "attributes": {"occluded": False, "rotation": 0.0}},
        each=6,
    ),
    "CVAT, a project with subsets": _of_datumaro(
        "https://docs.cvat.ai/docs/dataset_management/formats/format-coco/",
        {"train": "annotations/instances_Train.json", "val": "annotations/instances_Validation.json"},
        {"train": "images/Train", "val": "images/Validation"},
        box=lambda box: {**_polygon(box), "attributes": {"occluded": False}},
    ),
    # HumanSignal/label-studio issue 7294, HumanSignal/label-studio-converter issue 139; what is written:
    # HumanSignal/label-studio-sdk src/label_studio_sdk/converter/converter.py, convert_to_coco
    "Label Studio before 1.16, on Windows": _of_label_studio(
        {"train": "project-4-at-2025-01-01-00-00-0a1b2c3d/result.json"},
        {"train": "project-4-at-2025-01-01-00-00-0a1b2c3d/images"},
        written="images\\{name}",
        box=lambda box: {**_box(box), "ignore": 0},
    ),
    # the same issue 7294
    "Label Studio 1.16, on Windows": _of_label_studio(
        {"train": "result.json"},
        {"train": "images"},
        written="..\\..\\label-studio\\label-studio\\media\\upload\\4\\{name}",
        box=lambda box: {**_box(box), "ignore": 0},
    ),
    # get_local_path (src/label_studio_sdk/_extensions/label_studio_tools/core/utils/io.py) copies an upload to images,
    # yet returns its place in the server's own folders
    "Label Studio 1.16": _of_label_studio(
        {"train": "result.json"},
        {"train": "images"},
        written="../../label-studio/data/media/upload/4/{name}",
        box=lambda box: {**_polygon(box), "ignore": 0},
    ),
    # voxel51/fiftyone fiftyone/utils/coco.py, COCODetectionDatasetExporter: iscrowd is left out where it is not known
    "FiftyOne": Layout(
        "https://docs.voxel51.com/user_guide/export_datasets.html#cocodetectiondataset",
        {"train": "labels.json"},
        {"train": "data"},
        categories=((0, "blue", None), (1, "red", None)),
        image={"license": None, "coco_url": None},
        box=lambda box: {"bbox": list(map(float, box)), "area": float(box[2] * box[3]), "supercategory": "shape"},
        each=6,
        edit=_fiftyone,
    ),
    "FiftyOne's folders with splits, as Luxonis reads them": Layout(
        "https://docs.luxonis.com/software-v3/ai-inference/model-source/training/luxonis-ml/luxonis-ml-api-reference/"
        "data/parsers/coco_parser",
        {"train": "train/labels.json", "val": "validation/labels.json", "test": "test/labels.json"},
        {"train": "train/data", "val": "validation/data", "test": "test/data"},
    ),
    # download_coco_dataset_split: COCO's own files stay in raw beside the splits (fiftyone/zoo/datasets/base.py)
    "FiftyOne's zoo, COCO 2017": _of_the_zoo(
        others=_ZOO | {f"raw/instances_{split}2017.json": _same(split) for split in ("train", "val")},
    ),
    "FiftyOne's zoo, max_samples of COCO 2017": _of_the_zoo(  # _write_partial_annotations; raw tells of all images
        others=_ZOO | {f"raw/instances_{split}2017.json": _and_more(split) for split in ("train", "val")},
    ),
    # openvinotoolkit/datumaro docs/source/docs/data-formats/formats/coco.md; file_name and what else is written:
    # src/datumaro/plugins/data_formats/coco/exporter.py
    "Datumaro, coco_instances": _of_datumaro(
        "https://openvinotoolkit.github.io/datumaro/stable/docs/data-formats/formats/coco.html",
        {"train": "annotations/instances_train.json", "val": "annotations/instances_val.json"},
        {"train": "images/train", "val": "images/val"},
        box=_box,
    ),
    "Datumaro, --merge-images": _of_datumaro(
        "https://openvinotoolkit.github.io/datumaro/stable/docs/data-formats/formats/coco.html",
        {"train": "annotations/instances_default.json"},
        {"train": "images"},
        name="frame_{i:06}.PNG",
        box=lambda box: {**_polygon(box), "attributes": {"occluded": False}},
        each=6,
    ),
    "Datumaro, coco, which is all tasks": _of_datumaro(  # _StuffExporter writes what _InstancesExporter does
        "https://openvinotoolkit.github.io/datumaro/stable/docs/data-formats/formats/coco.html",
        {"train": "annotations/instances_train.json", "val": "annotations/instances_val.json"},
        {"train": "images/train", "val": "images/val"},
        box=_box,
        others={
            "annotations/stuff_train.json": _same("train"),
            "annotations/stuff_val.json": _same("val"),
            "annotations/image_info_train.json": _images_alone("train"),
            "annotations/image_info_val.json": _images_alone("val"),
        },
    ),
    # whole paths as file_name, null as licenses, no iscrowd; the tutorial's register_coco_instances takes any file and
    # any folder
    "detectron2, convert_to_coco_json": Layout(
        "https://github.com/facebookresearch/detectron2/blob/main/detectron2/data/datasets/coco.py",
        {split: f"my_dataset_{split}_coco_format.json" for split in ("train", "val")},
        {"train": "train", "val": "val"},
        written="/home/me/detectron2/datasets/my_dataset/{split}/{name}",
        categories=((0, "red", ""), (1, "blue", "")),
        box=lambda box: {"bbox": list(map(float, box)), "area": float(box[2] * box[3])},
        edit=_detectron2,
    ),
    # open-mmlab/mmdetection docs/en/user_guides/train.md: the JSON lies among the images, and beside that of VIA
    "mmdetection, balloon": Layout(
        "https://mmdetection.readthedocs.io/en/latest/user_guides/train.html#coco-annotation-format",
        {split: f"{split}/annotation_coco.json" for split in ("train", "val")},
        {"train": "train", "val": "val"},
        name="34020010494_e5cb88e1c4_{number}.jpg",
        categories=((0, "red", ""), (1, "blue", "")),
        box=lambda box: {**_polygon(box), "bbox": box, "area": box[2] * box[3]},
        others={f"{split}/via_region_data.json": _via(split) for split in ("train", "val")},
        ids=lambda number: number % 3,
        edit=_mmdetection,
    ),
    "mmdetection, the config's folders": Layout(  # docs/en/advanced_guides/customize_dataset.md: names without .json
        "https://mmdetection.readthedocs.io/en/latest/advanced_guides/customize_dataset.html",
        {split: f"{split}/annotation_data.json" for split in ("train", "val", "test")},
        {split: f"{split}/image_data" for split in ("train", "val", "test")},
        name="COCO_val2014_{number:012}.jpg",
        categories=((3, "red", ""), (16, "blue", "")),
        box=_polygon,
        edit=_mmdetection,
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
    # README.md: "Dataset structure" and "COCO annotations"; the extra files unpacked beside the core ones
    "DocLayNet": Layout(
        "https://github.com/DS4SD/DocLayNet",
        {split: f"COCO/{split}.json" for split in ("train", "val", "test")},
        dict.fromkeys(("train", "val", "test"), "PNG"),
        name="{number:064x}.png",
        image={
            "doc_category": "financial_reports",
            "collection": "ann_reports_00_04_fancy",
            "doc_name": "NASDAQ_FFIN_2002.pdf",
            "page_no": 9,
            "precedence": 0,
        },
        box=lambda box: {**_polygon(box), "precedence": 0},
        others={
            **{f"JSON/{page}.json": json.dumps({"metadata": {"page_hash": page}, "cells": []}) for page in _PAGES},
            **{f"PDF/{page}.pdf": "%PDF-1.7" for page in _PAGES},
        },
    ),
    # data/annotations.json, data/annotations_unofficial.json, download.py and README.md of the repository
    "TACO": _of_taco(
        "https://github.com/pedropro/TACO",
        others={
            "data/annotations_unofficial.json": _taco_unofficial,
            "data/all_image_urls.csv": "https://farm66.staticflickr.com/0_z.jpg,https://farm66.staticflickr.com/0_o.png\n",
            "detector/taco_config/map_1.csv": "Aluminium foil,Litter\n",
            "README.md": "# TACO",
            ".gitignore": "data/batch_*\n",
            ".git/HEAD": "ref: refs/heads/master\n",
        },
    ),
    "TACO, Kaggle's copy": _of_taco(
        "https://www.kaggle.com/datasets/kneroma/tacotrashdataset",
        others={"meta_df.csv": "img_id,img_file,cat_name\n0,batch_1/000000.jpg,red\n"},
    ),
}
