"""Miniatures of what labelling tools export as YOLO, each made after the exporter's own documentation or source.

Roboflow, YOLOv8:           https://roboflow.com/formats/yolov8-pytorch-txt
Roboflow's Python package:  https://github.com/roboflow/roboflow-python (it writes where it has put the folder)
CVAT, Ultralytics YOLO:     https://docs.cvat.ai/docs/dataset_management/formats/format-yolo-ultralytics
                            and what writes it: cvat-ai/cvat cvat/apps/dataset_manager/formats/yolo.py and
                            cvat-ai/datumaro datumaro/plugins/yolo_format/converter.py (YOLOv8DetectionConverter and
                            YOLOv8PoseConverter: no label file without objects, keys in the order of the alphabet, data/
                            before the listed paths; the page has them without data/)
CVAT, YOLO 1.1 (darknet):   https://docs.cvat.ai/docs/dataset_management/formats/format-yolo and
                            cvat-ai/datumaro datumaro/plugins/yolo_format/converter.py (YoloConverter: an empty label
                            file without objects; data/ before the paths, which the page has without)
Label Studio, YOLO:         HumanSignal/label-studio-sdk src/label_studio_sdk/converter/converter.py (convert_to_yolo:
                            empty label files; _get_labels: names in the order of the alphabet, but for labels with a
                            `category` in the labelling configuration, which are assumed here)
labelImg:                   https://github.com/HumanSignal/labelImg (libs/yolo_io.py: classes.txt beside labels)
Ultralytics, COCO8:         https://docs.ultralytics.com/datasets/detect/coco8 (and -seg, -pose; obb/dota8)
FiftyOne, YOLOv5Dataset:    https://docs.voxel51.com/user_guide/export_datasets.html#yolov5dataset and voxel51/fiftyone
                            fiftyone/utils/yolo.py (YOLOv5DatasetExporter: no label file for an unlabelled image)
Datumaro, YOLO-Ultralytics: https://openvinotoolkit.github.io/datumaro/stable/docs/data-formats/formats/yolo_ultralytics.html
                            and openvinotoolkit/datumaro src/datumaro/plugins/data_formats/yolo/exporter.py
                            (YoloUltralyticsExporter: empty label files; ./ before the listed paths)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.composed import data_values
from tests.field.coloured import NAMES, Object, check, draw
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.target import open_boxes
from tlbench.system.voice import SILENT, Voice

Truth = dict[str, tuple[Object, ...]]
LIST = "".join(f"  {i}: {name}\n" for i, name in enumerate(NAMES))


def boxes(found: Object) -> list[float]:
    return found.centred


def oriented(found: Object) -> list[float]:
    return found.corners


def polygon(found: Object) -> list[float]:
    """Six points on the rectangle's edges, or seven: contours have any number."""
    x1, y1, x2, _, _, y2, *_ = found.corners
    middle = (y1 + y2) / 2
    points = [x1, y1, x2, y1, x2, middle, x2, y2, x1, y2, x1, middle]
    return [*points, x1, (y1 + middle) / 2] if found.x1 % 2 else points


def pose(found: Object) -> list[float]:
    """Three key points: one is seen, one is hidden, one is not labelled."""
    x, y, w, h = found.centred
    return [x, y, w, h, x - w / 4, y - h / 3, 2, x + w / 3, y + h / 4, 1, 0, 0, 0]


def put(
    root: Path,
    images: str,
    labels: str,
    count: int,
    name: Callable[[int], str],
    numbers: Callable[[Object], Sequence[float]] = boxes,
    first: int = 0,
    empty: bool = True,
) -> Truth:
    """Images and label files in two folders; the last image has no object, and an empty label file or none."""
    truth: Truth = {}
    (root / labels).mkdir(parents=True, exist_ok=True)
    for i in range(first, first + count):
        file = f"{images}/{name(i)}" if images else name(i)
        found: tuple[Object, ...] = draw(root / file, i)
        if i == first + count - 1:
            found = ()
        rows = [" ".join([str(o.of), *(f"{value:.6f}" for value in numbers(o))]) for o in found]
        if found or empty:
            (root / labels / f"{Path(file).stem}.txt").write_text("".join(f"{row}\n" for row in rows))
        truth[file] = found
    return truth


def roboflow(root: Path, yaml: str = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n") -> Truth:
    truth: Truth = {}
    for k, (split, count) in enumerate((("train", 6), ("valid", 3), ("test", 3))):
        hashed = lambda i: f"IMG_{i}_jpg.rf.{i * 7919:032x}.jpg"  # noqa: E731
        truth |= put(root, f"{split}/images", f"{split}/labels", count, hashed, first=10 * k)
    (root / "data.yaml").write_text(
        f"{yaml}\nnc: 2\nnames: ['red', 'blue']\n\nroboflow:\n  workspace: w\n  project: p\n  version: 1\n"
        "  license: CC BY 4.0\n  url: https://universe.roboflow.com/w/p/dataset/1\n"
    )
    (root / "README.dataset.txt").write_text("# p > 1\n")
    (root / "README.roboflow.txt").write_text("p - v1\n==============================\n")
    return truth


def roboflow_package(root: Path) -> Truth:
    at = "/content/p-1"
    return roboflow(root, f"train: {at}/train/images\nval: {at}/valid/images\ntest: {at}/test/images\n")


def roboflow_old(root: Path) -> Truth:
    """Without the key test, whatever was exported."""
    truth = roboflow(root, "train: p-1/train/images\nval: p-1/valid/images\n")
    return {name: found for name, found in truth.items() if not name.startswith("test/")}


def cvat(
    root: Path, numbers: Callable[[Object], Sequence[float]] = boxes, more: str = "", prefix: str = "data/"
) -> Truth:
    truth = put(root, "images/train", "labels/train", 8, lambda i: f"frame_{i:06d}.jpg", numbers, empty=False)
    (root / "data.yaml").write_text(f"{more}names:\n{LIST}path: .\ntrain: train.txt\n")
    (root / "train.txt").write_text("".join(f"{prefix}{name}\n" for name in truth))
    return truth


def cvat_as_documented(root: Path) -> Truth:
    truth = cvat(root, prefix="")
    (root / "data.yaml").write_text(
        "path:  ./ # dataset root dir\ntrain: train.txt  # train images (relative to 'path')\n\n"
        f"# Classes\nnames:\n{LIST}"
    )
    return truth


def cvat_pose(root: Path) -> Truth:
    return cvat(root, pose, "kpt_shape:\n- 3\n- 3\n")


def cvat_track(root: Path) -> Truth:
    numbers = iter(range(100))
    return cvat(root, lambda found: [*found.centred, next(numbers)])


def cvat_darknet(root: Path) -> Truth:
    truth = put(root, "obj_train_data", "obj_train_data", 8, lambda i: f"frame_{i:06d}.PNG")
    (root / "obj.names").write_text("red\nblue\n")
    (root / "obj.data").write_text("classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n")
    (root / "train.txt").write_text("".join(f"data/{name}\n" for name in truth))
    return truth


def label_studio(root: Path) -> Truth:
    truth = put(root, "images", "labels", 8, lambda i: f"{i * 40503:08x}-photo_{i}.jpg")
    (root / "classes.txt").write_text("red\nblue\n")
    categories = [{"id": i, "name": name} for i, name in enumerate(NAMES)]
    info = {"year": 2024, "version": "1.0", "contributor": "Label Studio"}
    (root / "notes.json").write_text(json.dumps({"categories": categories, "info": info}, indent=2))
    return truth


def label_img(root: Path) -> Truth:
    truth = put(root, "", "", 8, lambda i: f"holiday {i}.jpg")
    (root / "classes.txt").write_text("red\nblue\n")
    return truth


def coco8(root: Path, numbers: Callable[[Object], Sequence[float]] = boxes, more: str = "") -> Truth:
    truth: Truth = {}
    for k, split in enumerate(("train", "val")):
        of = lambda i: f"{i:012d}.jpg"  # noqa: E731
        truth |= put(root, f"images/{split}", f"labels/{split}", 5, of, numbers, first=10 * k)
    (root / "LICENSE").write_text("AGPL-3.0")
    (root / "README.md").write_text("# COCO8")
    (root / "coco8.yaml").write_text(
        "# Example usage: yolo train data=coco8.yaml\npath: coco8 # dataset root dir\ntrain: images/train # train\n"
        f"val: images/val # val\ntest: # test images (optional)\n{more}\nnames:\n{LIST}\n"
        "download: https://example.org/coco8.zip\n"
    )
    return truth


def coco8_seg(root: Path) -> Truth:
    return coco8(root, polygon)


def coco8_pose(root: Path) -> Truth:
    return coco8(root, pose, "kpt_shape: [3, 3]\nflip_idx: [1, 0, 2]\n")


def pose_without_kpt_shape(root: Path) -> Truth:
    return coco8(root, pose)


def dota8(root: Path) -> Truth:
    return coco8(root, oriented)


def fiftyone(root: Path) -> Truth:
    truth: Truth = {}
    for k, split in enumerate(("train", "val", "test")):
        of = lambda i: f"{i:06d}.jpg"  # noqa: E731
        truth |= put(root, f"images/{split}", f"labels/{split}", 4, of, first=10 * k, empty=False)
    splits = "".join(f"{split}: ./images/{split}/\n" for split in ("test", "train", "val"))
    (root / "dataset.yaml").write_text(f"names:\n{LIST}path: /home/somebody/exported\n{splits}")
    return truth


def datumaro(root: Path) -> Truth:
    truth: Truth = {}
    for k, split in enumerate(("train", "val")):
        truth |= (found := put(root, f"images/{split}", f"labels/{split}", 5, lambda i: f"img{i}.jpg", first=10 * k))
        (root / f"{split}.txt").write_text("".join(f"./{name}\n" for name in found))
    (root / "dataset_meta.json").write_text(json.dumps({"labels": NAMES}, indent=2))
    (root / "data.yaml").write_text(f"train: train.txt\nval: val.txt\nnames:\n{LIST}")
    return truth


@pytest.mark.promise("YOLO exports of ten tools")
@pytest.mark.parametrize(
    "export",
    [
        roboflow,
        roboflow_package,
        roboflow_old,
        cvat,
        cvat_as_documented,
        cvat_pose,
        cvat_track,
        cvat_darknet,
        label_studio,
        label_img,
        coco8,
        coco8_seg,
        coco8_pose,
        pose_without_kpt_shape,
        dota8,
        fiftyone,
        datumaro,
    ],
    ids=lambda export: export.__name__,
)
@pytest.mark.parametrize("wrapped", [False, True], ids=["", "wrapped"])
def test_what_is_read_is_what_was_labelled(tmp_path: Path, export: Callable[[Path], Truth], wrapped: bool):
    """As exported, and in the single folder that unpacking often makes around it."""
    root = tmp_path / "exported"
    inside = root / "project-1" if wrapped else root
    inside.mkdir(parents=True)
    truth = export(inside)
    data = InstanceDataConfig.model_validate(
        {**data_values("yolo"), "root": str(root), "image_size": 64, "val_fraction": 0.25, "test_fraction": 0.25}
    )
    warned: list[str] = []
    target = open_boxes(data, 0, Voice(SILENT.say, warned.append))
    check(target, truth)
    tracks = [line for line in warned if "sixth number" in line]  # which could be angles
    assert warned == tracks
    assert len(tracks) == (export is cvat_track)
